"""A short soak; `make soak` runs long ones."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import ROOT


class SoakTests(SynchronousTestCase):
    def start(self, workers: int) -> tuple[subprocess.Popen[str], Path]:
        report = Path(self.mktemp()).resolve()
        command = f"-m soak --minutes 0.15 --clients 10 --held 30 --workers {workers}"
        soak = subprocess.Popen(
            [sys.executable, *command.split(), "--json", report],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return soak, report

    def figures(self, soak: subprocess.Popen[str], report: Path) -> Any:
        said, _ = soak.communicate()
        self.assertEqual(soak.returncode, 0, said)
        (figures,) = json.loads(report.read_text())
        self.assertEqual(figures["violations"], [])
        self.assertGreater(figures["outcomes"]["whole"], 30)
        self.assertGreater(figures["outcomes"]["left"], 0)
        self.assertGreater(figures["faults_scripted"], 3)
        self.assertGreater(sum(figures["nonsense"].values()), 3)
        self.assertGreater(figures["accidents"]["upstreams killed and restarted"], 0)
        self.assertGreater(figures["accidents"]["logs moved, and a SIGHUP"], 0)
        return figures

    def test_short_soaks_break_no_rule_without_workers_and_with_them(self) -> None:
        # At the same time: much of either is waiting for daemons to come to rest.
        alone, several = self.start(1), self.start(2)
        self.assertEqual(set(self.figures(*alone)["footprints"]), {"daemon"})
        figures = self.figures(*several)
        self.assertEqual(set(figures["footprints"]), {"supervisor", "worker 0", "worker 1"})
        self.assertGreater(figures["accidents"]["workers killed"], 0)
        self.assertGreater(figures["accidents"]["all workers replaced, by a SIGUSR2"], 0)
