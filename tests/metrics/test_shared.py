"""Several processes that share a directory, as the workers of a daemon do."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from piecesd.metrics.shared import dead_workers, live_workers, share_metrics
from tests.integration.daemon import ROOT

WORKER = """
import os, sys
from pathlib import Path
from piecesd.metrics.shared import share_metrics
directory = share_metrics(Path(sys.argv[1]), os.environ)
from piecesd.metrics.metrics import Metrics
from piecesd.metrics.page import MetricsPage
from tests.metrics.test_metrics import figures, finished
metrics = Metrics(["gpt-4o"], version="9.9")
page = MetricsPage(metrics, figures, directory)
metrics.count_request(finished())
metrics.observe_lag(0.3)
page.publish()
for line in sys.stdin:
    sys.stdout.write(page.render().decode() + "END\\n")
    sys.stdout.flush()
"""


class Worker:
    """A process that has counted one request, and shows the page when asked."""

    def __init__(self, test: SynchronousTestCase, shared: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(shared)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        test.addCleanup(self.end)

    def page(self) -> dict[tuple[str, str], float]:
        """Each value by its name and its labels, which are put in one text."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        text = ""
        while (line := self._process.stdout.readline()) != "END\n":
            assert line, "the worker has died"
            text += line
        return {
            (sample.name, ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))): (
                sample.value
            )
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.communicate()


class SharedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.shared = Path(self.mktemp()).absolute()
        self.shared.mkdir()
        self.workers = [Worker(self, self.shared) for _ in range(2)]
        for worker in self.workers:
            worker.page()

    def test_any_worker_shows_the_counts_and_figures_of_all(self) -> None:
        pages = [worker.page() for worker in self.workers]
        requests = "model=gpt-4o,route=/v1/chat/completions,status=200"
        address = "address=a:1,service=gpt"
        for page in pages:
            self.assertEqual(page["piecesd_requests_total", requests], 2)
            self.assertEqual(page["piecesd_reactor_lag_seconds_bucket", "le=0.5"], 2)
            self.assertEqual(page["piecesd_upstream_channels_opened_total", address], 12)
            self.assertEqual(page["piecesd_upstream_channels", address], 10)
            self.assertEqual(page["piecesd_upstream_usable", address], 1)
            self.assertEqual(page["piecesd_open_connections", ""], 14)
            for worker in self.workers:
                self.assertGreater(page["process_resident_memory_bytes", f"pid={worker.pid}"], 0)

    def test_of_a_worker_that_has_died_the_counts_stay_and_the_figures_go(self) -> None:
        dead, alive = self.workers
        dead.end()
        page = alive.page()
        self.assertEqual(page["piecesd_reactor_lag_seconds_count", ""], 2)
        self.assertEqual(page["piecesd_open_connections", ""], 7)
        self.assertNotIn(("process_resident_memory_bytes", f"pid={dead.pid}"), page)

    def test_the_living_and_the_dead_are_told_apart(self) -> None:
        dead, alive = self.workers
        directory = self.shared / "metrics"
        self.assertEqual(live_workers(directory), sorted([dead.pid, alive.pid]))
        dead.end()
        self.assertEqual(
            (live_workers(directory), dead_workers(directory)), ([alive.pid], [dead.pid])
        )


class OneProcessTests(SynchronousTestCase):
    def test_a_daemon_of_one_process_counts_in_memory(self) -> None:
        """Even where some other program has set prometheus_client's variable."""
        environment = {"PROMETHEUS_MULTIPROC_DIR": "/elsewhere"}
        self.assertIsNone(share_metrics(None, environment))
        self.assertEqual(environment, {})
