"""A short soak; `make soak` runs long ones."""

import json
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import ROOT


class SoakTests(SynchronousTestCase):
    def test_a_short_soak_breaks_no_rule(self) -> None:
        report = Path(self.mktemp()).resolve()
        command = f"-m soak --minutes 0.25 --clients 10 --held 30 --json {report}"
        soak = subprocess.run(
            [sys.executable, *command.split()], cwd=ROOT, capture_output=True, text=True
        )
        self.assertEqual(soak.returncode, 0, soak.stdout + soak.stderr)
        figures = json.loads(report.read_text())
        self.assertEqual(figures["violations"], [])
        self.assertGreater(figures["outcomes"]["whole"], 100)
        self.assertGreater(figures["outcomes"]["left"], 0)
        self.assertGreater(figures["faults_scripted"], 10)
        self.assertGreater(figures["accidents"]["upstreams killed and restarted"], 1)
        self.assertGreater(figures["accidents"]["logs moved, and a SIGHUP"], 1)
        self.assertIn("bad input", soak.stdout)
