"""What a real daemon tells systemd, which a socket plays."""

import os
import signal
import socket
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import START_SECONDS, Daemon, run_directory, twistd
from tests.integration.web import get
from tests.integration.workers import pids_of

LISTENING = r"Listening on http://[^ ]*:(\d+)/"

FREEZES = "import signal, time; signal.signal(signal.SIGVTALRM, lambda *_: time.sleep(60)); "
"""Has the reactor's thread stand still, and no other, once it gets this signal."""


class Systemd:
    """The socket that a service's NOTIFY_SOCKET names; here an abstract one."""

    def __init__(self, test: SynchronousTestCase) -> None:
        self.address = f"@piecesd-{os.getpid()}-{id(self)}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        test.addCleanup(self._socket.close)
        self._socket.bind(b"\0" + self.address[1:].encode())

    def wait_for(self, assignment: str, seconds: float = START_SECONDS) -> dict[str, str]:
        """The next datagram that says ``assignment``, by its names.

        :raises AssertionError: none comes.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                lines = self._socket.recv(4096).decode().split("\n")
            except TimeoutError:
                break
            if assignment in lines:
                return dict(line.split("=", 1) for line in lines)
        raise AssertionError(f"not told {assignment}")

    def is_silent(self, *, after_seconds: float, for_seconds: float) -> bool:
        """Whether nothing is said for a while, after what may still be said."""
        time.sleep(after_seconds)
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(4096)
        except BlockingIOError:
            self._socket.settimeout(for_seconds)
        try:
            self._socket.recv(4096)
        except TimeoutError:
            return True
        return False


class SystemdCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.systemd = Systemd(self)

    def start(self, *, before: str = "", **settings: str) -> Daemon:
        directory = run_directory(self)
        settings = {"NOTIFY_SOCKET": self.systemd.address, "PORT": "0"} | settings
        process = twistd(directory, "pieces", (), settings, before=before)
        daemon = Daemon(process, directory, listening=LISTENING)
        self.addCleanup(daemon.end, self)
        return daemon


class OneProcessTests(SystemdCase):
    def test_it_is_ready_when_its_port_answers_and_stopping_when_told(self) -> None:
        daemon = self.start()
        ready = self.systemd.wait_for("READY=1")
        self.assertEqual(ready["STATUS"], f"Listening on http://127.0.0.1:{daemon.port}/v1/")
        self.assertEqual(get(daemon.port, "/ping").status, 200)
        daemon.signal(signal.SIGTERM)
        self.systemd.wait_for("STOPPING=1")
        self.assertEqual(daemon.exit_status(), 0)

    def test_sighup_is_a_reload_that_it_survives_with_nothing_to_reload(self) -> None:
        daemon = self.start()
        self.systemd.wait_for("READY=1")
        before_microseconds = time.monotonic_ns() // 1000
        daemon.signal(signal.SIGHUP)
        reloading = self.systemd.wait_for("RELOADING=1")
        self.assertGreaterEqual(int(reloading["MONOTONIC_USEC"]), before_microseconds)
        self.systemd.wait_for("READY=1")
        self.assertEqual(get(daemon.port, "/ping").status, 200)

    def test_a_reload_opens_the_log_before_it_is_over(self) -> None:
        daemon = self.start(LOG_FILE="pieces.log")
        self.systemd.wait_for("READY=1")
        log = daemon.directory / "pieces.log"
        log.rename(daemon.directory / "pieces.log.1")
        daemon.signal(signal.SIGHUP)
        self.systemd.wait_for("RELOADING=1")
        self.systemd.wait_for("READY=1")
        self.assertTrue(log.exists())

    def test_it_is_alive_until_its_reactor_stands_still(self) -> None:
        daemon = self.start(before=FREEZES, WATCHDOG_USEC="1000000")
        self.systemd.wait_for("READY=1")
        self.systemd.wait_for("WATCHDOG=1")
        daemon.signal(signal.SIGVTALRM)
        self.assertTrue(self.systemd.is_silent(after_seconds=1, for_seconds=2))
        daemon.kill()

    def test_a_setting_that_is_wrong_is_never_ready(self) -> None:
        settings = {"NOTIFY_SOCKET": self.systemd.address, "PORT": "x"}
        process = twistd(run_directory(self), "pieces", (), settings)
        process.communicate(timeout=START_SECONDS)
        self.assertEqual(process.returncode, 1)
        self.assertTrue(self.systemd.is_silent(after_seconds=0, for_seconds=0.1))


class WorkersTests(SystemdCase):
    def test_the_supervisor_speaks_for_its_workers(self) -> None:
        daemon = self.start(WORKERS="2")
        ready = self.systemd.wait_for("READY=1")
        self.assertEqual(ready["STATUS"], "Serving with 2 workers")
        self.assertEqual(get(daemon.port, "/ping").status, 200)
        for pid in pids_of(daemon):
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            self.assertNotIn(b"NOTIFY_SOCKET", environment)
        daemon.signal(signal.SIGHUP)
        self.systemd.wait_for("RELOADING=1")
        self.systemd.wait_for("READY=1")
        self.assertEqual(get(daemon.port, "/ping").status, 200)
        daemon.signal(signal.SIGTERM)
        self.systemd.wait_for("STOPPING=1")
        self.assertEqual(daemon.exit_status(), 0)

    def test_it_is_alive_while_all_workers_answer(self) -> None:
        daemon = self.start(WORKERS="2", WATCHDOG_USEC="3000000")
        first, _second = pids_of(daemon)
        self.systemd.wait_for("WATCHDOG=1")
        os.kill(first, signal.SIGSTOP)
        self.assertTrue(self.systemd.is_silent(after_seconds=5, for_seconds=3))
        os.kill(first, signal.SIGCONT)
        self.systemd.wait_for("WATCHDOG=1")
