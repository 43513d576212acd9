"""The processes of a soak: a daemon, and upstreams that can be killed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from piecesd.config import SETTINGS
from tests.http.raw_requests import MAX_BODY_BYTES

ROOT = Path(__file__).resolve().parent.parent

START_SECONDS = 30.0
STOP_SECONDS = 20.0

_POLL_SECONDS = 0.02
_TWISTD = "from twisted.scripts.twistd import run; run()"
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
"""Nothing else of the environment, for it may hold settings."""

_KNOWN = frozenset(setting.name for setting in SETTINGS)

DAEMON_SETTINGS = {
    "HOST": "127.0.0.1",
    "PORT": "0",
    "TIMEOUT": "4",
    "STREAM_IDLE_TIMEOUT": "2",
    "KEEPALIVE_TIMEOUT": "3600",  # for the connections that are held
    "MAX_BODY_BYTES": str(MAX_BODY_BYTES),
    "SCALE_INTERVAL": "1",  # idle threads and channels go soon
    "LOG_FILE": "pieces.log",
    "LOG_MAX_BYTES": "256KiB",
    "LOG_KEEP": "1000",
    # Clients here misbehave, which is what these are against.
    "BLACKLIST_MODE": "off",
    "RATE_LIMIT": "0",
}

# Not settings of piecesd. glibc gives every thread that finds the heap in use
# another heap, up to eight a core, and returns little of any: two make the
# memory that is in use and the memory that is held nearly the same.
_ALLOCATOR = {"MALLOC_ARENA_MAX": "2"}


class DidNotStart(Exception):
    """A process ended or stayed silent instead of serving."""


class Child:
    """A daemon of this working tree, in the foreground of twistd.

    :param listening: a pattern of the line of its log that tells the port.
    """

    def __init__(
        self,
        directory: Path,
        plugin: str,
        *arguments: str,
        settings: Mapping[str, str],
        listening: str,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._console = directory / "console"
        self._listening = listening
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        with self._console.open("ab") as output:
            written = output.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-c", _TWISTD, "-n", "--pidfile=", plugin, *arguments],
                cwd=directory,
                env={**environment, "PYTHONPATH": str(ROOT), **_ALLOCATOR, **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid
        self.port = self._wait_for_port(written)

    def _wait_for_port(self, written: int) -> int:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if found := re.search(self._listening, self.console[written:]):
                return int(found[1])
            time.sleep(_POLL_SECONDS)
        self.kill()
        raise DidNotStart(self.console[-2_000:])

    @property
    def console(self) -> str:
        return self._console.read_bytes().decode(errors="replace")

    @property
    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Tell it to end; its exit status. It is killed if it does not."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode


def start_upstream(directory: Path, port: int = 0) -> Child:
    """The embedded upstream by itself, with scripted faults.

    :raises DidNotStart: the port is taken.
    """
    return Child(
        directory,
        "pieces-upstream",
        "--port",
        str(port),
        settings={"UPSTREAM_FAULTS": "true", "ECHO_DELAY": "0"},
        listening=r"Embedded upstream on [^ ]*:(\d+),",
    )


def start_daemon(directory: Path, upstream_ports: list[int], **settings: str) -> Child:
    """The daemon over both services at each of the upstreams. Settings that
    this daemon does not know are left out.

    :raises DidNotStart: it does not.
    """
    addresses = ",".join(f"grpc://127.0.0.1:{port}" for port in upstream_ports)
    asked = DAEMON_SETTINGS | {"GPT_GRPC_ADDR": addresses, "VERTEX_GRPC_ADDR": addresses}
    return Child(
        directory,
        "pieces",
        settings={name: text for name, text in (asked | settings).items() if name in _KNOWN},
        listening=r"Listening on http://[^ ]*:(\d+)/",
    )
