"""What befalls the processes while clients are at work."""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path

from soak.children import Child, start_upstream
from soak.workers import Workers

AWAY_SECONDS = 1.0
"""How long a killed upstream stays away."""

Accident = Callable[[], Awaitable[None]]


class Accidents:
    """Has one after another happen. ``counts`` says which have.

    :param upstreams: their directories and processes; replaced as they are
        killed and started again.
    :param log: the daemon's.
    :param workers: None where there is a single process.
    """

    def __init__(
        self, daemon: Child, upstreams: dict[Path, Child], log: Path, workers: Workers | None
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._daemon = daemon
        self._upstreams = upstreams
        self._log = log
        self._workers = workers
        first, second = (partial(self._restart, each) for each in upstreams)
        self._gentle: Iterator[Accident] = cycle([self._move_log, first, self._move_log, second])
        self._rough: Iterator[Accident] = cycle(
            [
                self._kill_worker,
                self._replace_workers,
                first,
                self._move_log,
                self._kill_worker,
                second,
                self._move_log,
            ]
        )

    async def happen(self, every_seconds: float, *, ends_workers: bool) -> None:
        """Go on until cancelled, from where it was left the last time of this
        kind; everything is up when this returns."""
        accidents = self._rough if ends_workers else self._gentle
        while True:
            await asyncio.sleep(every_seconds)
            # What has begun is brought to its end, whatever happens meanwhile.
            under_way = asyncio.ensure_future(next(accidents)())
            try:
                await asyncio.shield(under_way)
            except asyncio.CancelledError:
                await under_way
                raise

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
        assert self._workers is not None
        self.counts["workers killed"] += 1
        await self._workers.kill_one()

    async def _replace_workers(self) -> None:
        assert self._workers is not None
        self.counts["all workers replaced, by a SIGUSR2"] += 1
        await self._workers.replace_all()
