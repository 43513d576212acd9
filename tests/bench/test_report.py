"""The report as people and programs read it."""

import json

from twisted.trial.unittest import SynchronousTestCase

from bench.figures import summarise
from bench.report import Failure, all_met, build_document, format_table

MET = {"burst.chunks_per_s": 50_000.0, "held.rss_mb": 123.4}
MISSED = {"burst.chunks_per_s": 30_000.0}
FAILURE = Failure(2, "paced", "1 of 200 answers failed")


class TableTests(SynchronousTestCase):
    def row(self, table: str, label: str) -> list[str]:
        (line,) = (line for line in table.splitlines() if line.startswith(label))
        return line.removeprefix(label).split()

    def test_a_figure_stands_beside_its_target(self) -> None:
        table = format_table(summarise([MET, MISSED, MISSED]), [])
        self.assertEqual(
            self.row(table, "burst: chunks a second"),
            ["1/s", "30,000", "30,000", "50,000", "at", "least", "40,000", "MISS"],
        )

    def test_a_met_target_says_ok_and_no_target_says_nothing(self) -> None:
        table = format_table(summarise([MET]), [])
        self.assertEqual(self.row(table, "burst: chunks a second")[-1], "ok")
        self.assertEqual(self.row(table, "RSS with all streams open"), ["MB", "123", "123", "123"])

    def test_what_failed_is_told(self) -> None:
        table = format_table([], [FAILURE])
        self.assertEqual(table.splitlines()[-1], "FAILED: paced, run 2: 1 of 200 answers failed")


class DocumentTests(SynchronousTestCase):
    def test_it_is_json_with_every_run_of_every_figure(self) -> None:
        document = build_document(
            summarise([MET, MISSED]),
            [FAILURE],
            taken_at="2026-01-01T00:00:00+00:00",
            machine={"cores": 2},
            settings={"runs": 2},
        )
        read = json.loads(json.dumps(document))
        figure = read["figures"]["burst.chunks_per_s"]
        self.assertEqual(figure["runs"], [50_000.0, 30_000.0])
        self.assertEqual((figure["min"], figure["median"], figure["max"]), (3e4, 4e4, 5e4))
        self.assertEqual(figure["target"], {"bound": "at least", "value": 40_000})
        self.assertEqual(read["failures"][0]["scenario"], "paced")


class VerdictTests(SynchronousTestCase):
    def test_a_missed_target_or_a_failure_is_not_all_met(self) -> None:
        self.assertTrue(all_met(summarise([MET]), []))
        self.assertFalse(all_met(summarise([MISSED]), []))
        self.assertFalse(all_met(summarise([MET]), [FAILURE]))
