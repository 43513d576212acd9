"""One soak from its start to its report."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from soak.accidents import Accidents
from soak.children import Child, start_daemon, start_upstream
from soak.footprint import Footprints, excess, footprints, get_status, processes, settled_footprints
from soak.held import HeldConnections
from soak.load import Load
from soak.logs import count_retries, read_logs, wrong_lines
from soak.report import Comparison, Report
from soak.workers import Workers

WARM_UP_SHARE = 0.3
LONGEST_WARM_UP_SECONDS = 90.0
ROUGH_SHARE = 0.45
"""Of the time with workers: in it they are killed and replaced."""
LONGEST_INTERVAL_SECONDS = 7.0
LONGEST_ROUGH_INTERVAL_SECONDS = 4.0
CONNECTING_CALLS = 60
"""Calls at a time that connect every channel of a service: each goes to the
one with the fewest calls."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """``seconds`` are those of load, without start, end and looking;
    ``workers`` is 1 for a single process."""

    seconds: float
    clients: int
    held_connections: int
    seed: int
    workers: int


async def soak(plan: Plan, directory: Path) -> Report:
    """Carry ``plan`` out. Logs and consoles are left in ``directory``.

    The same mix, accidents too, runs before the baseline is taken as after it,
    for whatever is loaded, cached or pooled at its first use is no leak.

    :raises DidNotStart: a process did not.
    """
    upstreams = {
        each: start_upstream(each) for each in (directory / "upstream-1", directory / "upstream-2")
    }
    started: list[Child] = []
    try:
        ports = [upstream.port for upstream in upstreams.values()]
        daemon = start_daemon(directory / "daemon", ports, WORKERS=str(plan.workers))
        started.append(daemon)
        return await _Soak(plan, daemon, upstreams, directory / "daemon").carry_out()
    finally:
        for child in (*started, *upstreams.values()):
            child.stop()


class _Soak:
    """A daemon, what befalls it, and what must not have."""

    def __init__(
        self, plan: Plan, daemon: Child, upstreams: dict[Path, Child], directory: Path
    ) -> None:
        self._plan = plan
        self._daemon = daemon
        self._directory = directory
        self._workers = Workers(daemon, plan.workers) if plan.workers > 1 else None
        self._accidents = Accidents(daemon, upstreams, directory / "pieces.log", self._workers)
        self._load = Load(
            daemon.port,
            Random(plan.seed),
            may_break=self._workers.broke if self._workers else lambda _connection: False,
        )
        self._upstream_ports = frozenset(upstream.port for upstream in upstreams.values())
        self._violations: list[str] = []

    async def carry_out(self) -> Report:
        seconds = self._plan.seconds
        baseline: Footprints = {}
        if self._workers is not None:
            baseline = await self._rough_stretches(self._workers, seconds * ROUGH_SHARE)
            seconds -= seconds * ROUGH_SHARE
        warm_up = min(seconds * WARM_UP_SHARE, LONGEST_WARM_UP_SECONDS)
        await self._stretch_with_held(warm_up)
        # Where workers were ended, those of now are compared with themselves;
        # the supervisor is with how it was while that was new to it.
        baseline = await self._settled({}) | baseline
        await self._stretch_with_held(seconds - warm_up)
        end = await self._settled(baseline)
        await self._stop()
        return self._report(baseline, end)

    async def _rough_stretches(self, workers: Workers, seconds: float) -> Footprints:
        """Load while workers are killed and replaced; how the supervisor is when
        it has seen some of that."""
        await self._stretch(seconds * WARM_UP_SHARE, ends_workers=True)
        await workers.all_serve()
        supervisor = footprints({"supervisor": self._daemon.pid}, self._upstream_ports)
        await self._stretch(seconds * (1 - WARM_UP_SHARE), ends_workers=True)
        await workers.all_serve()
        return supervisor

    async def _stretch_with_held(self, seconds: float) -> None:
        """Load and accidents in which no worker ends, and idle connections beside
        that, which have to be served when it is over."""
        pids = processes(self._daemon.pid, get_status(self._daemon.port)).values()
        held = await HeldConnections.open(self._daemon.port, self._plan.held_connections, pids)
        await self._stretch(seconds)
        self._violations += await held.check(pids)

    async def _stretch(self, seconds: float, *, ends_workers: bool = False) -> None:
        """Load and accidents for so long."""
        longest = LONGEST_ROUGH_INTERVAL_SECONDS if ends_workers else LONGEST_INTERVAL_SECONDS
        every_seconds = min(seconds / 6, longest)
        happening = asyncio.ensure_future(
            self._accidents.happen(every_seconds, ends_workers=ends_workers)
        )
        try:
            await self._load.run(self._plan.clients, seconds)
        finally:
            happening.cancel()
            with suppress(asyncio.CancelledError):
                await happening

    async def _settled(self, baseline: Footprints) -> Footprints:
        """How the processes are at rest, with every channel connected."""
        await self._load.connect_all(CONNECTING_CALLS)
        found = await asyncio.to_thread(
            settled_footprints,
            self._daemon.pid,
            self._daemon.port,
            self._upstream_ports,
            baseline,
        )
        if found is None:
            self._violations.append(
                "the daemon did not come to rest: calls, threads or files go on changing"
            )
        return found or {}

    async def _stop(self) -> None:
        if self._daemon.exit_status is not None:
            self._violations.append(
                f"the daemon ended by itself, with status {self._daemon.exit_status}"
            )
        elif (status := await asyncio.to_thread(self._daemon.stop)) != 0:
            self._violations.append(f"the daemon ended with status {status}")

    def _report(self, baseline: Footprints, end: Footprints) -> Report:
        log = read_logs(self._directory)
        kills = self._workers.kills if self._workers else []
        compared = {
            name: Comparison(baseline=baseline[name], end=end[name])
            for name in baseline
            if name in end
        }
        return Report(
            workers=self._plan.workers,
            seconds=self._plan.seconds,
            clients=self._plan.clients,
            seed=self._plan.seed,
            outcomes=dict(self._load.counts),
            faults_scripted=self._load.faults,
            nonsense=dict(self._load.nonsense),
            accidents=dict(self._accidents.counts),
            retries=count_retries(log),
            held_connections=self._plan.held_connections,
            footprints=compared,
            violations=[
                *self._violations,
                *excess(end, baseline),
                *self._load.problems,
                *(self._workers.problems if self._workers else ()),
                *wrong_lines(log, self._daemon.console, self._load.answered, kills),
            ],
        )
