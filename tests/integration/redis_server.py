"""A real Redis in a child process, for daemons to count in."""

import socket
import subprocess
import time
from pathlib import Path
from shutil import which
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import PATIENCE_SECONDS, run_directory


class RedisServer:
    """A Redis on a port of 127.0.0.1 that stays the same when it is started anew.

    It keeps nothing when it stops. It ends with the test.

    :raises SkipTest: there is none on this machine.
    """

    def __init__(self, test: SynchronousTestCase) -> None:
        program = which("redis-server")
        if program is None:
            raise SkipTest("no redis-server here; `make packages` installs one where it can")
        self._program = program
        self._directory: Path = run_directory(test)
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        test.addCleanup(self.stop)
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it; it answers when this returns."""
        options = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no"}
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        self._process = subprocess.Popen(
            [self._program, *arguments],
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.ask(b"PING") != b"+PONG\r\n":
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)

    def ask(self, command: bytes) -> bytes:
        """The first bytes of the reply to a command; none where it does not answer."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(command + b"\r\n")
                return connection.recv(65536)
        except OSError:
            return b""

    def pause(self, seconds: float) -> None:
        """Have it answer nobody for a while."""
        assert self.ask(b"CLIENT PAUSE %d ALL" % (seconds * 1000)) == b"+OK\r\n"

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
