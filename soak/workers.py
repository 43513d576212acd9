"""The workers of a daemon, and what the soak itself has done to them."""

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from soak.children import Child
from soak.footprint import get_status
from soak.held import HeldConnections
from soak.sockets import client_ports

WITNESSES = 20
"""Idle connections that are made before a worker ends, and looked at after it."""

PRESENT_SECONDS = 60.0
"""More than the longest pause before a worker is started again, and its start."""

LAST_LINES_SECONDS = 1.0
"""A worker's log is written twice a second; what is not yet goes with it."""

_LOOK_SECONDS = 0.1
_STOP_SECONDS = 5.0
_STOPPED = "T"


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """A client's end: when it was opened, on the monotonic clock, and its port,
    which others may have before and after it."""

    port: int
    opened_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Kill:
    """``ports`` are the other ends of the connections that the worker had."""

    pid: int
    seconds: float
    ports: frozenset[int]

    def broke(self, connection: Connection) -> bool:
        """Whether the connection was one of them."""
        return connection.port in self.ports and connection.opened_seconds < self.seconds

    def may_have_lost_line(self, connection: Connection, answered_seconds: float) -> bool:
        """Whether the worker's last lines may be about a request on it."""
        first_lost_seconds = self.seconds - LAST_LINES_SECONDS
        return connection.opened_seconds < self.seconds and answered_seconds > first_lost_seconds


class Workers:
    """Ends workers, and sees that their idle connections end with them and no others.

    ``kills`` are in the order in which they happened. ``problems`` says what
    was not as it should have been.
    """

    def __init__(self, daemon: Child, count: int) -> None:
        self.kills: list[Kill] = []
        self.problems: list[str] = []
        self._daemon = daemon
        self._count = count

    def broke(self, connection: Connection) -> bool:
        """Whether it ended because its worker was killed here."""
        return any(kill.broke(connection) for kill in self.kills)

    async def all_serve(self, besides: frozenset[int] = frozenset()) -> list[int]:
        """Wait until there are as many as there should be, and none of the pids
        ``besides``; their pids in their order, which is empty if that takes too long."""
        deadline = time.monotonic() + PRESENT_SECONDS
        while time.monotonic() < deadline:
            status = await asyncio.to_thread(get_status, self._daemon.port)
            pids = [each["pid"] for each in status["workers"]]
            if len(pids) == self._count and besides.isdisjoint(pids):
                return pids
            await asyncio.sleep(_LOOK_SECONDS)
        self.problems.append(f"{self._count} workers did not serve within {PRESENT_SECONDS:g} s")
        return []

    async def kill_one(self) -> None:
        """Each in its turn. The connections of the others go on."""
        if not (pids := await self.all_serve()):
            return
        witnesses = await HeldConnections.open(self._daemon.port, WITNESSES, pids)
        pid = pids[len(self.kills) % len(pids)]
        self.kills.append(await asyncio.to_thread(stop_still, pid, self._daemon.port))
        os.kill(pid, signal.SIGKILL)
        self.problems += await witnesses.check(frozenset(pids) - {pid})

    async def replace_all(self) -> None:
        """Have new ones take the places of all. No answer breaks off, and who is
        idle is sent away."""
        if not (pids := await self.all_serve()):
            return
        witnesses = await HeldConnections.open(self._daemon.port, WITNESSES, pids)
        self._daemon.signal(signal.SIGUSR2)
        if await self.all_serve(besides=frozenset(pids)):
            self.problems += await witnesses.check(())


def stop_still(pid: int, served_port: int) -> Kill:
    """Stop the process, so that it has the same connections when it is killed.

    :raises TimeoutError: it does not stop.
    """
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + _STOP_SECONDS
    while not _is_still(pid):
        if time.monotonic() > deadline:
            raise TimeoutError(f"pid {pid} does not stop")
        time.sleep(0.001)
    return Kill(pid=pid, seconds=time.monotonic(), ports=client_ports(pid, served_port))


def _is_still(pid: int) -> bool:
    """Whether all of its threads are stopped."""
    threads = Path("/proc", str(pid), "task").glob("*/stat")
    return all(each.read_text().rpartition(")")[2].split()[0] == _STOPPED for each in threads)
