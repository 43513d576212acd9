"""The command line of the bench."""

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path
from socket import create_server

from twisted.trial.unittest import SynchronousTestCase

from bench.__main__ import parse_options
from bench.children import ROOT
from tests.bench.stand_in import started_stand_in


class OptionsTests(SynchronousTestCase):
    def refused(self, *arguments: str) -> str:
        with redirect_stderr(io.StringIO()) as output:
            self.assertRaises(SystemExit, parse_options, arguments)
        return output.getvalue()

    def test_three_runs_are_the_rule_and_one_when_quick(self) -> None:
        self.assertEqual(parse_options([]).runs, 3)
        self.assertEqual(parse_options(["--quick"]).runs, 1)
        self.assertEqual(parse_options(["--quick", "--runs", "5"]).runs, 5)

    def test_scenarios_keep_their_order_whatever_order_they_are_asked_in(self) -> None:
        self.assertEqual(parse_options(["--only", "held,burst"]).only, ("burst", "held"))

    def test_an_unknown_scenario_is_named(self) -> None:
        self.assertIn("no such scenario: brust", self.refused("--only", "brust,held"))

    def test_a_gateway_needs_its_process_and_its_upstream(self) -> None:
        self.assertIn("--gateway needs", self.refused("--gateway", "http://127.0.0.1:1/v1"))

    def test_no_runs_are_no_measurement(self) -> None:
        self.assertIn("at least 1", self.refused("--runs", "0"))


class CommandTests(SynchronousTestCase):
    def test_another_gateway_is_measured_into_a_table_and_a_file(self) -> None:
        with create_server(("127.0.0.1", 0)) as listener:
            upstream_port = listener.getsockname()[1]
        report = Path(self.mktemp()).resolve()
        with started_stand_in(upstream_port) as (pid, url):
            command = f"-m bench --quick --only unary --json {report} --gateway {url} --pid {pid}"
            bench = subprocess.run(
                [sys.executable, *command.split(), "--upstream-port", str(upstream_port)],
                cwd=ROOT,
                capture_output=True,
                text=True,
            )
        self.assertEqual(bench.returncode, 0, bench.stderr)
        self.assertIn("unstreamed: requests a second", bench.stdout)
        document = json.loads(report.read_text())
        self.assertEqual(
            set(document["figures"]), {"unary.cpu_ms_per_request", "unary.requests_per_s"}
        )
        self.assertEqual(document["failures"], [])
        self.assertEqual(document["settings"]["gateway"], url)
