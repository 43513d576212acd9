"""The application in child processes that are uvicorn and hypercorn."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from signal import SIGTERM
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import ROOT, Daemon, run_directory

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerKind:
    """How to start one, what it says then, and how it exits when told to end."""

    command: tuple[str, ...]
    listening: str
    exit_status: int
    graceful_option: str


UVICORN = ServerKind(
    command=("uvicorn", "--port", "0", "--no-proxy-headers"),
    listening=r"Uvicorn running on http://127\.0\.0\.1:(\d+)",
    exit_status=-SIGTERM,  # it ends by the signal that it was told to end by
    graceful_option="--timeout-graceful-shutdown",
)
HYPERCORN = ServerKind(
    command=("hypercorn", "--bind", "127.0.0.1:0", "--access-logfile", "-"),
    listening=r"Running on http://127\.0\.0\.1:(\d+)",
    exit_status=0,
    graceful_option="--graceful-timeout",
)


def child(
    directory: str | os.PathLike[str], arguments: Sequence[str], **settings: str
) -> subprocess.Popen[bytes]:
    """``python arguments`` with these settings and no others."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=directory,
        env={**environment, "PYTHONPATH": str(ROOT), **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def serve(
    test: SynchronousTestCase,
    kind: ServerKind,
    *options: str,
    application: str = "piecesd.asgi:app",
    **settings: str,
) -> Daemon:
    """The application under a server, which ends with the test.

    :raises SkipTest: that server is not installed.
    """
    module, *rest = kind.command
    if find_spec(module) is None:
        raise SkipTest(f"no {module} here")
    directory = run_directory(test)
    process = child(directory, ["-m", module, *rest, *options, application], **settings)
    server = Daemon(process, directory, listening=kind.listening, last_status=kind.exit_status)
    test.addCleanup(server.end, test)
    return server
