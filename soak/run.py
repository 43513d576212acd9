"""One soak from its start to its report."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from soak.accidents import Accidents, log_failures
from soak.children import Child, start_daemon, start_upstream
from soak.footprint import Footprint, settled_footprint
from soak.load import Load
from soak.report import Report

WARM_UP_SHARE = 0.3
LONGEST_WARM_UP_SECONDS = 90.0
LONGEST_INTERVAL_SECONDS = 7.0
CONNECTING_CALLS = 60
"""Calls at a time that connect every channel of a service: each goes to the
one with the fewest calls."""

_ACCESS_LINE = re.compile(
    r"chat/completions -> \d+ in .* (soak\.\d+) model=.* retries=(\d+)$", re.MULTILINE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """``seconds`` are those of load, without start, end and looking."""

    seconds: float
    clients: int
    held_connections: int
    seed: int
    workers: int | None


async def soak(plan: Plan, directory: Path) -> Report:
    """Carry ``plan`` out. Logs and consoles are left in ``directory``.

    The same mix, accidents too, runs before the baseline is taken as after it,
    for whatever is loaded, cached or pooled at its first use is no leak.

    :raises DidNotStart: a process did not.
    """
    upstreams = {
        each: start_upstream(each) for each in (directory / "upstream-1", directory / "upstream-2")
    }
    processes: list[Child] = []
    try:
        workers = {} if plan.workers is None else {"WORKERS": str(plan.workers)}
        ports = [upstream.port for upstream in upstreams.values()]
        daemon = start_daemon(directory / "daemon", ports, **workers)
        processes.append(daemon)
        return await _soak(plan, daemon, upstreams, directory / "daemon")
    finally:
        for child in (*processes, *upstreams.values()):
            child.stop()


async def _soak(plan: Plan, daemon: Child, upstreams: dict[Path, Child], directory: Path) -> Report:
    accidents = Accidents(daemon, upstreams, directory / "pieces.log")
    ports = frozenset(upstream.port for upstream in upstreams.values())
    load = Load(daemon.port, Random(plan.seed), may_lose=lambda: accidents.counts["workers killed"])
    warm_up = min(plan.seconds * WARM_UP_SHARE, LONGEST_WARM_UP_SECONDS)
    baseline = await _stretch(plan, load, accidents, daemon, ports, warm_up)
    held = [await _hold(daemon.port) for _ in range(plan.held_connections)]
    violations = []
    end = await _stretch(plan, load, accidents, daemon, ports, plan.seconds - warm_up, held)
    if baseline is None or end is None:
        violations.append("the daemon did not come to rest: calls, threads or files go on changing")
    else:
        violations += end.excess_over(baseline)
    violations += load.problems
    if daemon.exit_status is not None:
        violations.append(f"the daemon ended by itself, with status {daemon.exit_status}")
    elif (status := await asyncio.to_thread(daemon.stop)) != 0:
        violations.append(f"the daemon ended with status {status}")
    log = "".join(_log_texts(directory))
    violations += _wrong_lines(log, load, accidents)
    violations += dict.fromkeys(log_failures(log + daemon.console))  # which says it again
    return Report(
        seconds=plan.seconds,
        clients=plan.clients,
        seed=plan.seed,
        outcomes=dict(load.counts),
        faults_scripted=load.faults,
        nonsense=dict(load.nonsense),
        accidents=dict(accidents.counts),
        retries=sum(int(retries) for _, retries in _ACCESS_LINE.findall(log)),
        held_connections=plan.held_connections,
        baseline=baseline,
        end=end,
        violations=violations,
    )


Held = list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]


async def _stretch(
    plan: Plan,
    load: Load,
    accidents: Accidents,
    daemon: Child,
    upstream_ports: frozenset[int],
    seconds: float,
    held: Held | None = None,
) -> Footprint | None:
    """Load and accidents for so long, then rest. Idle connections that were
    held meanwhile have to serve a request at the end."""
    happening = asyncio.ensure_future(accidents.happen(min(seconds / 6, LONGEST_INTERVAL_SECONDS)))
    try:
        await load.run(plan.clients, seconds)
    finally:
        happening.cancel()
        await asyncio.gather(happening, return_exceptions=True)
    for reader, writer in held or ():
        await _check_held(load, reader, writer)
    await load.connect_all(CONNECTING_CALLS)
    return await asyncio.to_thread(settled_footprint, daemon.pid, daemon.port, upstream_ports)


async def _hold(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that has had its first response, and is idle now."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /ping HTTP/1.1\r\nhost: localhost\r\n\r\n")
    await reader.readuntil(b"pong")
    return reader, writer


async def _check_held(
    load: Load, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(b"GET /ping HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    if not (await reader.read()).endswith(b"pong"):
        load.problems.append("an idle connection was not served any more")
    writer.close()


def _log_texts(directory: Path) -> Iterator[str]:
    for path in directory.glob("pieces.log*"):
        yield path.read_text()


def _wrong_lines(log: str, load: Load, accidents: Accidents) -> Iterator[str]:
    """Requests that have not just one access line. A worker that was killed
    took its last lines with it."""
    lines = Counter(request_id for request_id, _ in _ACCESS_LINE.findall(log))
    doubled = [request_id for request_id, count in lines.items() if count > 1]
    if doubled:
        yield f"{len(doubled)} requests with more than one access line, such as {doubled[0]}"
    missing = sorted(load.answered - set(lines))
    if missing and not accidents.counts["workers killed"]:
        yield f"{len(missing)} answers without an access line, such as {missing[0]}"
