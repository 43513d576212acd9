"""Clients: one request each, on a connection of its own, read as its shape says."""

import asyncio
import socket
import struct
import time
from dataclasses import dataclass
from random import Random

from bench.http1 import ResponseBroken, ResponseReader
from soak.answers import RuleBroken
from soak.nonsense import Nonsense
from soak.shapes import Shape
from soak.workers import Connection

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

    connection: Connection
    status: int
    body: bytes
    complete: bool


class ConnectionBroken(RuleBroken):
    """The daemon left before the end of a response: allowed only where somebody
    has killed the process at the other end. ``response`` is what came."""

    def __init__(self, reason: str, response: Response) -> None:
        super().__init__(f"no whole response: {reason}")
        self.response = response


async def ask(port: int, shape: Shape, random: Random) -> Response:
    """Send the request and do with its response what the shape says.

    :raises RuleBroken: there was no response, or what came was none.
    """
    slow = shape.conduct == "slow"
    stay = random.uniform(0, _LONGEST_STAY_SECONDS) if shape.conduct == "leave" else None
    link = await _Link.make(port, receive_buffer_bytes=SLOW_READ_BYTES if slow else None)
    try:
        return await link.exchange(shape.encode(), stay, slow=slow)
    finally:
        link.close(reset=random.random() < 0.5)


async def send_nonsense(port: int, nonsense: Nonsense) -> Response:
    """Send what is no good request, and read the response.

    :raises RuleBroken: what came was no response.
    """
    link = await _Link.make(port)
    # Some of it waits for a body that does not come: then the client leaves.
    stay = _LONGEST_STAY_SECONDS if nonsense.status is None else None
    try:
        return await link.exchange(nonsense.data, stay, may_be_silent=nonsense.status is None)
    finally:
        link.close(reset=False)


class _Link:
    """A client's end of a connection that carries one request."""

    def __init__(
        self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._connection = connection
        self._reader = reader
        self._writer = writer

    @classmethod
    async def make(cls, port: int, receive_buffer_bytes: int | None = None) -> "_Link":
        opened_seconds = time.monotonic()
        connecting = socket.socket()
        connecting.setblocking(False)
        if receive_buffer_bytes is not None:
            connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        try:
            await asyncio.get_running_loop().sock_connect(connecting, ("127.0.0.1", port))
            own_port: int = connecting.getsockname()[1]
            streams = await asyncio.open_connection(sock=connecting, limit=SLOW_READ_BYTES)
        except OSError as error:
            connecting.close()
            raise RuleBroken(f"can't connect: {error}") from None
        return cls(Connection(port=own_port, opened_seconds=opened_seconds), *streams)

    async def exchange(
        self,
        request: bytes,
        stay_seconds: float | None,
        *,
        slow: bool = False,
        may_be_silent: bool = False,
    ) -> Response:
        """Send the request and read the response, for so long; None: to its end."""
        reader = ResponseReader()
        body: list[bytes] = []
        broken = None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS if stay_seconds is None else stay_seconds):
                self._writer.write(request)
                await self._read(reader, body, slow=slow)
        except TimeoutError:
            if stay_seconds is None:
                raise RuleBroken(f"not answered within {PATIENCE_SECONDS:g} s") from None
        except (ResponseBroken, ConnectionError) as error:
            broken = error
        response = Response(
            connection=self._connection,
            status=reader.status,
            body=b"".join(body),
            complete=reader.complete,
        )
        if broken is not None and (reader.status or not may_be_silent):
            raise ConnectionBroken(str(broken), response) from None
        return response

    async def _read(self, reader: ResponseReader, body: list[bytes], *, slow: bool) -> None:
        while not reader.complete:
            data = await self._reader.read(SLOW_READ_BYTES if slow else _READ_BYTES)
            if not data:
                reader.feed_end()
                break
            body.append(reader.feed(data))
            if slow:
                await asyncio.sleep(SLOW_PAUSE_SECONDS)

    def close(self, *, reset: bool) -> None:
        if reset:
            sock = self._writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._writer.transport.abort()
