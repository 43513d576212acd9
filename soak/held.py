"""Idle connections: each lives as long as the process that has accepted it."""

import asyncio
from collections.abc import Collection, Iterable, Iterator

from soak.sockets import client_ports

PATIENCE_SECONDS = 10.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class HeldConnections:
    """Connections that have had a first response, and with whom."""

    def __init__(self, connections: Iterable[Streams], owners: dict[int, int]) -> None:
        self._connections = list(connections)
        self._owners = owners

    @classmethod
    async def open(cls, port: int, count: int, pids: Iterable[int]) -> "HeldConnections":
        """So many, with any of the processes ``pids``, which serve this port."""
        connections = [await _hold(port) for _ in range(count)]
        owners = {client: pid for pid in pids for client in client_ports(pid, port)}
        return cls(connections, owners)

    async def check(self, living: Collection[int]) -> list[str]:
        """Ask each a last time. Those of ``living`` processes are served, the
        others have ended; what is not so is told."""
        served = await asyncio.gather(*map(_is_served, self._connections))
        owners = [self._owners.get(_own_port(writer)) for _, writer in self._connections]
        return list(_wrong(zip(owners, served, strict=True), living))


def _wrong(held: Iterable[tuple[int | None, bool]], living: Collection[int]) -> Iterator[str]:
    for owner, is_served in held:
        if owner is None:
            yield "an idle connection with nobody"
        elif is_served and owner not in living:
            yield f"an idle connection outlived its process, pid {owner}"
        elif not is_served and owner in living:
            yield f"an idle connection was not served any more by pid {owner}"


async def _hold(port: int) -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /ping HTTP/1.1\r\nhost: localhost\r\n\r\n")
    await reader.readuntil(b"pong")
    return reader, writer


async def _is_served(connection: Streams) -> bool:
    reader, writer = connection
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            writer.write(b"GET /ping HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            return (await reader.read()).endswith(b"pong")
    except (ConnectionError, TimeoutError):
        return False
    finally:
        writer.transport.abort()


def _own_port(writer: asyncio.StreamWriter) -> int:
    port: int = writer.get_extra_info("sockname")[1]
    return port
