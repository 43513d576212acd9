"""Daemons of this working tree in child processes, for tests to talk to.

A daemon that a test has started is told to stop when the test is over. It has
to end with status 0 then, and must have logged no failure.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Condition, Thread, Timer
from typing import Any, Protocol

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parents[2]

START_SECONDS = 20.0
PATIENCE_SECONDS = 10.0
STOP_SECONDS = 15.0
"""Longer than a daemon that was told nothing else leaves requests to finish."""

LIFE_SECONDS = 90.0
"""A daemon that is older is killed, so that no test waits for ever."""

NO_SETTINGS: Mapping[str, str] = {}

_TWISTD = "from twisted.scripts.twistd import run; run()"
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
"""Nothing else of the environment, for it may hold settings."""

_FAILURE = r"#(error|critical)\]|Traceback|Unhandled"
_EXCERPT_LINES = 40
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def run_directory(test: SynchronousTestCase) -> Path:
    """A new, empty directory for a daemon to be started in."""
    directory = Path(test.mktemp()).absolute()
    directory.mkdir(parents=True)
    return directory


def twistd(
    directory: Path,
    plugin: str,
    arguments: Sequence[str],
    settings: Mapping[str, str],
    *,
    before: str = "",
    inherits: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start ``twistd -n plugin arguments`` with these settings and no others.

    :param before: code that the process runs first.
    :param inherits: the numbers of files that it gets from this one.
    """
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-c", before + _TWISTD, "-n", "--pidfile=", plugin, *arguments],
        cwd=directory,
        env={**environment, "PYTHONPATH": str(ROOT), **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=inherits,
    )


class Daemon:
    """A running daemon. Its console is collected line by line.

    ``port`` is what it listens on: HTTP, or gRPC for the upstream's daemon.
    ``failures_expected``: its log may hold errors.

    :param listening: a pattern of the line that tells the port.
    :param last_status: what it is to exit with when the test is over.
    """

    port: int

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        directory: Path,
        *,
        listening: str,
        last_status: int = 0,
    ) -> None:
        self.directory = directory
        self.pid = process.pid
        self.failures_expected = False
        self._last_status = last_status
        self._process = process
        self._arrived = Condition()
        self._lines: list[str] = []
        self._readers = [
            Thread(target=self._collect, args=[pipe], daemon=True)
            for pipe in (process.stdout, process.stderr)
        ]
        for reader in self._readers:
            reader.start()
        self._end_of_life = Timer(LIFE_SECONDS, process.kill)
        self._end_of_life.daemon = True
        self._end_of_life.start()
        try:
            self.port = int(self.wait_for(listening, START_SECONDS)[1])
        except BaseException:
            self.kill()
            raise

    def _collect(self, pipe: Any) -> None:
        for line in pipe:
            with self._arrived:
                self._lines.append(line.decode().rstrip("\n"))
                self._arrived.notify_all()
        with self._arrived:
            self._arrived.notify_all()

    # Its log.

    @property
    def lines(self) -> list[str]:
        """What it has written to its console so far."""
        with self._arrived:
            return list(self._lines)

    def matching(self, pattern: str) -> list[str]:
        """The lines of its console in which ``pattern`` is found."""
        return [line for line in self.lines if re.search(pattern, line)]

    def wait_for(
        self, pattern: str, seconds: float = PATIENCE_SECONDS, *, times: int = 1
    ) -> re.Match[str]:
        """Wait until ``pattern`` is found in so many lines; the last match.

        :raises AssertionError: it is not, or the process has ended before.
        """
        deadline = time.monotonic() + seconds
        with self._arrived:
            while True:
                found = [match for line in self._lines if (match := re.search(pattern, line))]
                if len(found) >= times:
                    return found[times - 1]
                left = deadline - time.monotonic()
                over = not any(reader.is_alive() for reader in self._readers)
                assert left > 0 and not over, f"no line with {pattern}:\n{self._excerpt()}"
                self._arrived.wait(min(left, 0.1))

    def _excerpt(self) -> str:
        return "\n".join(self._lines[-_EXCERPT_LINES:])

    # Its process.

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def exit_status(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for its end; afterwards `lines` is complete.

        :raises TimeoutExpired: it goes on living.
        """
        status = self._process.wait(seconds)
        self._close()
        return status

    def stop(self) -> int:
        """Tell it to end; its exit status."""
        if self._process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.exit_status(STOP_SECONDS)

    def kill(self) -> None:
        self._process.kill()
        self._last_status = self._process.wait()
        self._close()

    def _close(self) -> None:
        self._end_of_life.cancel()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def end(self, test: SynchronousTestCase) -> None:
        """The end of a test: stop, and look whether all went well."""
        try:
            status = self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        test.assertEqual(status, self._last_status, self._excerpt())
        if not self.failures_expected:
            test.assertEqual(self.matching(_FAILURE), [], self._excerpt())

    # What it costs.

    @property
    def resident_bytes(self) -> int:
        return int(self._proc("statm").read_text().split()[1]) * _PAGE_BYTES

    @property
    def threads(self) -> int:
        return len(list(self._proc("task").iterdir()))

    @property
    def open_files(self) -> int:
        return len(list(self._proc("fd").iterdir()))

    def _proc(self, name: str) -> Path:
        return Path("/proc", str(self.pid), name)


def start_in(
    directory: Path,
    test: SynchronousTestCase,
    arguments: Sequence[str] = (),
    settings: Mapping[str, str] = NO_SETTINGS,
) -> Daemon:
    """The daemon, started in ``directory``. It ends with the test."""
    process = twistd(directory, "pieces", arguments, settings)
    daemon = Daemon(process, directory, listening=r"Listening on http://[^ ]*:(\d+)/")
    test.addCleanup(daemon.end, test)
    return daemon


def start(test: SynchronousTestCase, *arguments: str, **settings: str) -> Daemon:
    """The daemon, on a port that the system picks where none is set."""
    return start_in(run_directory(test), test, arguments, {"PORT": "0"} | settings)


def start_upstream(test: SynchronousTestCase, *arguments: str, **settings: str) -> Daemon:
    """The embedded upstream as a daemon of its own, with scripted faults. What
    it logs includes a line for each call, such as
    ``upstream call 1: gpt-4o, 3 pieces in 0.105s, cancelled``."""
    directory = run_directory(test)
    settings = {"UPSTREAM_FAULTS": "true", "ECHO_DELAY": "0"} | settings
    upstream = Daemon(
        twistd(directory, "pieces-upstream", arguments, settings),
        directory,
        listening=r"Embedded upstream on [^ ]*:(\d+),",
    )
    test.addCleanup(upstream.end, test)
    return upstream


class Upstream(Protocol):
    """Whatever listens for gRPC on this machine."""

    port: int


def at(upstream: Upstream) -> dict[str, str]:
    """The settings that have both services at ``upstream``."""
    address = f"grpc://127.0.0.1:{upstream.port}"
    return {"GPT_GRPC_ADDR": address, "VERTEX_GRPC_ADDR": address}


def eventually(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether ``condition`` comes true within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
