"""What may end with a worker that the soak has killed, and what may not."""

import signal
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from soak.workers import Connection, Kill, stop_still

KILL = Kill(pid=7, seconds=100.0, ports=frozenset({4000}))


def opened(seconds: float, port: int = 4000) -> Connection:
    return Connection(port=port, opened_seconds=seconds)


class KillTests(SynchronousTestCase):
    def test_it_breaks_the_connections_of_its_worker(self) -> None:
        self.assertTrue(KILL.broke(opened(99.0)))

    def test_it_breaks_no_connection_of_another_worker(self) -> None:
        self.assertFalse(KILL.broke(opened(99.0, port=4001)))

    def test_it_breaks_no_later_connection_from_the_same_port(self) -> None:
        self.assertFalse(KILL.broke(opened(100.5)))

    def test_only_its_last_second_may_be_missing_in_the_log(self) -> None:
        self.assertTrue(KILL.may_have_lost_line(opened(90.0), answered_seconds=99.5))
        self.assertFalse(KILL.may_have_lost_line(opened(90.0), answered_seconds=98.5))
        self.assertFalse(KILL.may_have_lost_line(opened(100.5), answered_seconds=101.0))


class StopTests(SynchronousTestCase):
    def test_a_process_stands_still_when_its_connections_are_looked_up(self) -> None:
        process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            kill = stop_still(process.pid, served_port=1)
            stat = Path(f"/proc/{process.pid}/stat").read_text()
            self.assertEqual(stat.rpartition(")")[2].split()[0], "T")
            self.assertEqual((kill.pid, kill.ports), (process.pid, frozenset()))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
