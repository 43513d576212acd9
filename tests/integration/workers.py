"""The workers of a daemon, and load for them."""

import contextlib
import re
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

from tests.integration.daemon import START_SECONDS, Daemon

SERVES = r"Worker (\d) serves, pid (\d+)"
REPLACE_SECONDS = 40.0


def is_alive(pid: int) -> bool:
    """Whether it runs; one that only waits for its parent to look does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pids_of(daemon: Daemon, *, times: int = 2) -> list[int]:
    """The pids of the first workers that serve, so many of them."""
    daemon.wait_for(SERVES, START_SECONDS, times=times)
    found = [re.search(SERVES, line) for line in daemon.matching(SERVES)]
    return [int(each[2]) for each in found if each]


def open_files(pid: int) -> list[Path]:
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(link.readlink())
    return found


class Load:
    """Sends requests, each on a connection of its own, until it is left."""

    def __init__(
        self, request: Callable[[], object], *, threads: int = 2, pause_seconds: float = 0.005
    ) -> None:
        self.failures: list[str] = []
        self.done = 0
        self._request = request
        self._pause_seconds = pause_seconds
        self._over = Event()
        self._threads = [Thread(target=self._run, daemon=True) for _ in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(20)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._request()
                self.done += 1
            except Exception as error:
                self.failures.append(repr(error))
            time.sleep(self._pause_seconds)
