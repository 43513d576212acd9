"""What befalls the processes while clients are at work."""

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.process import ProcessTree
from soak.children import Child, start_upstream

AWAY_SECONDS = 1.0
"""How long a killed upstream stays away."""


class Accidents:
    """Has one after another happen. ``counts`` says which have.

    :param upstreams: their directories and processes; replaced as they are
        killed and started again.
    :param log: the daemon's.
    """

    def __init__(self, daemon: Child, upstreams: dict[Path, Child], log: Path) -> None:
        self.counts: Counter[str] = Counter()
        self._daemon = daemon
        self._upstreams = upstreams
        self._log = log

    async def happen(self, every_seconds: float) -> None:
        """Go on until cancelled; every upstream is up when this returns."""
        first, second = self._upstreams
        accidents: list[Callable[[], Awaitable[None]]] = [
            self._move_log,
            lambda: self._restart(first),
            self._move_log,
            lambda: self._restart(second),
            self._kill_worker,
        ]
        number = 0
        while True:
            await asyncio.sleep(every_seconds)
            # What has begun is brought to its end, whatever happens meanwhile.
            under_way = asyncio.ensure_future(accidents[number % len(accidents)]())
            try:
                await asyncio.shield(under_way)
            except asyncio.CancelledError:
                await under_way
                raise
            number += 1

    async def _move_log(self) -> None:
        """What logrotate does."""
        self.counts["logs moved, and a SIGHUP"] += 1
        number = self.counts["logs moved, and a SIGHUP"]
        if self._log.exists():
            self._log.rename(self._log.with_name(f"{self._log.name}.moved.{number}"))
        self._daemon.signal(signal.SIGHUP)

    async def _restart(self, directory: Path) -> None:
        self.counts["upstreams killed and restarted"] += 1
        upstream = self._upstreams[directory]
        upstream.kill()
        await asyncio.sleep(AWAY_SECONDS)
        self._upstreams[directory] = await asyncio.to_thread(
            start_upstream, directory, upstream.port
        )

    async def _kill_worker(self) -> None:
        """Where there are several processes, end one of them hard."""
        workers = ProcessTree(self._daemon.pid).pids[1:]
        if workers:
            self.counts["workers killed"] += 1
            os.kill(workers[0], signal.SIGKILL)


def log_failures(text: str) -> list[str]:
    """Lines that tell of something that went wrong in the daemon itself."""
    return re.findall(r"^.*(?:#error|#critical|Traceback|Unhandled).*$", text, re.MULTILINE)
