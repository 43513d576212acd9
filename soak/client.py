"""Clients: one request each, on a connection of its own, read as its shape says."""

import asyncio
import socket
import struct
from dataclasses import dataclass
from random import Random

from bench.http1 import ResponseBroken, ResponseReader
from soak.answers import RuleBroken
from soak.shapes import Shape

PATIENCE_SECONDS = 60.0
"""More than any answer may take by the daemon's settings."""

SLOW_READ_BYTES = 8_192
SLOW_PAUSE_SECONDS = 0.01
_READ_BYTES = 65_536
_LONGEST_STAY_SECONDS = 1.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER, on, with 0 seconds: closing sends RST and not FIN."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What came of a request; ``status`` is 0 where nothing did."""

    status: int
    body: bytes
    complete: bool


class ConnectionBroken(RuleBroken):
    """The daemon was not there, or left in the middle of a response: allowed
    only where somebody has killed the process at the other end."""


async def ask(port: int, shape: Shape, random: Random) -> Response:
    """Send the request and do with its response what the shape says.

    :raises RuleBroken: there was no response, or what came was none.
    """
    slow = shape.conduct == "slow"
    stay = random.uniform(0, _LONGEST_STAY_SECONDS) if shape.conduct == "leave" else None
    connection = await _connect(port, receive_buffer_bytes=SLOW_READ_BYTES if slow else None)
    try:
        return await _exchange(connection, shape.encode(), stay, slow=slow)
    finally:
        _close(connection, reset=random.random() < 0.5)


async def send_nonsense(port: int, request: bytes) -> Response:
    """Send what is no good request, say that no more comes, and read the response.

    :raises RuleBroken: what came was no response.
    """
    connection = await _connect(port)
    try:
        # Some of it waits for a body that does not come: then the client leaves.
        return await _exchange(connection, request, _LONGEST_STAY_SECONDS, may_be_silent=True)
    finally:
        _close(connection, reset=False)


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _connect(port: int, receive_buffer_bytes: int | None = None) -> Connection:
    connecting = socket.socket()
    connecting.setblocking(False)
    if receive_buffer_bytes is not None:
        connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    try:
        await asyncio.get_running_loop().sock_connect(connecting, ("127.0.0.1", port))
        return await asyncio.open_connection(sock=connecting, limit=SLOW_READ_BYTES)
    except OSError as error:
        connecting.close()
        raise ConnectionBroken(f"can't connect: {error}") from None


async def _exchange(
    connection: Connection,
    request: bytes,
    stay_seconds: float | None,
    *,
    slow: bool = False,
    may_be_silent: bool = False,
) -> Response:
    from_daemon, to_daemon = connection
    response = ResponseReader()
    body: list[bytes] = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS if stay_seconds is None else stay_seconds):
            to_daemon.write(request)
            while not response.complete:
                data = await from_daemon.read(SLOW_READ_BYTES if slow else _READ_BYTES)
                if not data:
                    response.feed_end()
                    break
                body.append(response.feed(data))
                if slow:
                    await asyncio.sleep(SLOW_PAUSE_SECONDS)
    except TimeoutError:
        if stay_seconds is None:
            raise RuleBroken(f"not answered within {PATIENCE_SECONDS:g} s") from None
    except (ResponseBroken, ConnectionError) as error:
        if response.status or not may_be_silent:
            raise ConnectionBroken(f"no whole response: {error}") from None
    return Response(status=response.status, body=b"".join(body), complete=response.complete)


def _close(connection: Connection, *, reset: bool) -> None:
    _, to_daemon = connection
    if reset:
        sock = to_daemon.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    to_daemon.transport.abort()
