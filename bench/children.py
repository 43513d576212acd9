"""The processes that the bench starts: its upstream and the daemon under test."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection, create_server

from bench.process import keep_on

ROOT = Path(__file__).resolve().parent.parent

_STOP_SECONDS = 15
_POLL_SECONDS = 0.005
_LOG_EXCERPT_BYTES = 2_000

_TWISTD = "from twisted.scripts.twistd import run; run()"

_DAEMON_SETTINGS = {
    "HOST": "127.0.0.1",
    "BRIDGE_THREADS": "1100",
    "MAX_CONCURRENT_REQUESTS": "2000",
}
"""What the daemon is told beside its addresses: room for 1,000 streams.
Everything else stays at its default."""

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
"""The daemon sees no setting of the shell that the bench was started from."""


class DidNotStart(Exception):
    """A process of the bench ended or stayed silent instead of serving."""


@contextmanager
def started_upstream(port: int = 0) -> Iterator[tuple[int, int]]:
    """Run `bench.upstream`; gives its process id and the port it listens on.

    :raises DidNotStart: the port is taken.
    """
    command = [sys.executable, "-m", "bench.upstream", "--until-stdin-closes"]
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise DidNotStart(f"the bench upstream could not listen on port {port}")
        yield process.pid, int(line)
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


class Daemon:
    """A piecesd of this working tree, run by twistd in the foreground.

    ``born_us`` is the monotonic time just before it was forked.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], *, port: int, log: Path, born_us: int
    ) -> None:
        self.pid = process.pid
        self.port = port
        self.born_us = born_us
        self._process = process
        self._log = log

    def wait_until_listening(self, limit_seconds: float = 30.0) -> None:
        """Return once it accepts connections.

        :raises DidNotStart: it has ended, or the limit has passed.
        """
        end = time.monotonic() + limit_seconds
        while time.monotonic() < end:
            self.check_running()
            try:
                create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(_POLL_SECONDS)
        raise DidNotStart(f"the daemon did not listen within {limit_seconds:g} s{self._tail()}")

    def check_running(self) -> None:
        """:raises DidNotStart: it has ended."""
        status = self._process.poll()
        if status is not None:
            raise DidNotStart(f"the daemon ended with status {status}{self._tail()}")

    def _tail(self) -> str:
        return "; its log ends:\n" + self._log.read_bytes()[-_LOG_EXCERPT_BYTES:].decode(
            errors="replace"
        )


@contextmanager
def started_daemon(upstream_port: int, cores: set[int]) -> Iterator[Daemon]:
    """Run the daemon against the upstream, free to choose among ``cores``, and
    stop it in the end. It may not listen yet."""
    with tempfile.TemporaryDirectory(prefix="piecesd-bench-") as directory:
        port = _free_port()
        log = Path(directory) / "log"
        address = f"grpc://127.0.0.1:{upstream_port}"
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment |= _DAEMON_SETTINGS
        environment |= {"PORT": str(port), "PYTHONPATH": str(ROOT)}
        environment |= {"GPT_GRPC_ADDR": address, "VERTEX_GRPC_ADDR": address}
        command = [sys.executable, "-c", _TWISTD, "-n", "--pidfile=", "pieces"]
        own_cores = os.sched_getaffinity(0)
        with log.open("wb") as output:
            # Children inherit the cores; the bench itself may be kept on some.
            keep_on(cores, [os.getpid()])
            born_us = time.monotonic_ns() // 1000
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            keep_on(own_cores, [os.getpid()])
        daemon = Daemon(process, port=port, log=log, born_us=born_us)
        try:
            yield daemon
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
