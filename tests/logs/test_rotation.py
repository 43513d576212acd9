"""Old log files make room, and spans of time begin at midnight."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.logs.rotation import period_of, shift
from tests.logs.test_formatting import in_zone

DAY_SECONDS = 86400
MIDNIGHT_UTC = 1_000_080_000 - 1_000_080_000 % DAY_SECONDS


class ShiftTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.path = self.directory / "pieces.log"

    def write(self, **texts: str) -> None:
        for suffix, text in texts.items():
            (self.directory / f"pieces.log{suffix.replace('_', '.')}").write_text(text)

    def files(self) -> dict[str, str]:
        return {each.name: each.read_text() for each in self.directory.iterdir()}

    def test_each_file_takes_the_next_number_and_the_last_one_goes(self) -> None:
        self.write(**{"": "new", "_1": "old", "_2": "older", "_3": "oldest"})
        shift(self.path, 3)
        self.assertEqual(
            self.files(), {"pieces.log.1": "new", "pieces.log.2": "old", "pieces.log.3": "older"}
        )

    def test_files_beyond_a_free_number_stay(self) -> None:
        self.write(**{"": "new", "_2": "older"})
        shift(self.path, 3)
        self.assertEqual(self.files(), {"pieces.log.1": "new", "pieces.log.2": "older"})

    def test_one_old_file_is_replaced_by_the_next(self) -> None:
        self.write(**{"": "new", "_1": "old"})
        shift(self.path, 1)
        self.assertEqual(self.files(), {"pieces.log.1": "new"})


class PeriodTests(SynchronousTestCase):
    def test_a_day_begins_at_local_midnight(self) -> None:
        in_zone(self, "CST-8")
        midnight = MIDNIGHT_UTC - 8 * 3600
        self.assertEqual(
            period_of(midnight, DAY_SECONDS), period_of(midnight - 0.001, DAY_SECONDS) + 1
        )
        self.assertEqual(
            period_of(midnight, DAY_SECONDS), period_of(midnight + 86399.9, DAY_SECONDS)
        )
