"""What processes cost, read of real ones."""

import os
import subprocess
import sys
import time

from twisted.trial.unittest import SynchronousTestCase

from bench.process import ProcessTree, cpu_seconds, keep_on

_PARENT = """
import subprocess, sys
code = "import sys; print(1, flush=True); sys.stdin.read()"
child = subprocess.Popen([sys.executable, "-c", code])
sys.stdin.read()
child.kill()
child.wait()
"""


class ProcessTreeTests(SynchronousTestCase):
    def setUp(self) -> None:
        parent = subprocess.Popen(
            [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert parent.stdin is not None
        assert parent.stdout is not None
        self.parent, self.stdin, self.stdout = parent, parent.stdin, parent.stdout
        self.addCleanup(self.finish)
        self.stdout.readline()  # The child is there.
        self.tree = ProcessTree(parent.pid)

    def finish(self) -> None:
        self.stdin.close()
        self.parent.wait()
        self.stdout.close()

    def test_it_finds_the_children(self) -> None:
        self.assertEqual(len(self.tree.pids), 2)
        self.assertEqual(self.tree.pids[0], self.parent.pid)

    def test_memory_and_time_are_the_sum_of_the_processes(self) -> None:
        alone = [ProcessTree(pid) for pid in self.tree.pids[1:]]
        self.assertGreater(self.tree.resident_bytes(), alone[0].resident_bytes() + 1_000_000)
        self.assertGreater(self.tree.cpu_seconds(), alone[0].cpu_seconds())

    def test_processes_are_kept_on_the_cores_they_are_told(self) -> None:
        core = min(os.sched_getaffinity(0))
        keep_on([core], self.tree.pids)
        self.assertEqual(self.tree.cores(), {core})


class CpuSecondsTests(SynchronousTestCase):
    def test_it_counts_what_a_process_has_worked(self) -> None:
        before, clock = cpu_seconds(os.getpid()), time.process_time()
        while time.process_time() < clock + 0.02:
            pass
        self.assertGreaterEqual(cpu_seconds(os.getpid()) - before, 0.02)
        self.assertLess(abs(cpu_seconds(os.getpid()) - time.process_time()), 0.01)

    def test_a_process_that_is_gone_costs_nothing(self) -> None:
        process = subprocess.Popen(["true"])
        process.wait()
        self.assertEqual(cpu_seconds(process.pid), 0.0)
        self.assertEqual(ProcessTree(process.pid).resident_bytes(), 0)
