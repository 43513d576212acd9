"""A connection without a socket: what is written to it goes to an ASGI server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IAddress, IConsumer, IPushProducer, ITransport
from zope.interface import implementer

if TYPE_CHECKING:
    from piecesd.asgi.messages import Message, Send

Header = tuple[bytes, bytes]


@implementer(ITransport, IConsumer, IPushProducer)
class HostedTransport:
    """Takes one response, as fast as the server takes it from here.

    Each write is a message of its own, sent in the next turn of the loop. While
    one is being sent, the next write pauses the producer; what it still writes
    goes out together, then it is resumed.

    There is no reading to be paused: the server brings a request when it has it.
    """

    disconnecting = False

    def __init__(self, peer: IAddress) -> None:
        self._peer = peer
        self._start: Message | None = None
        self._pieces: list[bytes] = []
        self._complete = False
        self._over = False
        self._sending = False
        self._paused = False
        self._producer: Any = None
        self._changed = asyncio.Event()

    async def send_response(self, send: Send) -> None:
        """Pass on what is written, until the response is complete or broken off.

        One that was broken off gets no last message: to the server's client it
        is not whole either.
        """
        while not self._over:
            await self._changed.wait()
            self._changed.clear()
            self._sending = True
            if self._start is not None:
                start, self._start = self._start, None
                await send(start)
            await self._send_pieces(send)
            self._sending = False
            self._resume()

    async def _send_pieces(self, send: Send) -> None:
        while self._pieces or (self._complete and not self._over):
            body, self._pieces = b"".join(self._pieces), []
            self._over = self._over or self._complete
            await send(
                {"type": "http.response.body", "body": body, "more_body": not self._complete}
            )

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            if self._producer is not None:
                self._producer.resumeProducing()

    def close(self) -> None:
        """The client is gone, or will be: nothing more is sent."""
        self._over = True
        self._pieces = []
        self._changed.set()

    # Called by the channel.

    def write_start(self, status: int, headers: Sequence[Header]) -> None:
        """Begin the response."""
        self._start = {"type": "http.response.start", "status": status, "headers": headers}
        self._changed.set()

    def write(self, data: bytes) -> None:
        self.writeSequence((data,))

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        data = b"".join(iovec)
        if not data or self._over:
            return
        self._pieces.append(data)
        self._changed.set()
        if self._sending and not self._paused and self._producer is not None:
            self._paused = True
            self._producer.pauseProducing()

    def loseConnection(self) -> None:
        """The response is complete."""
        self.disconnecting = True
        self._complete = True
        self._changed.set()

    def abortConnection(self) -> None:  # noqa: N802
        """It never will be."""
        self.close()

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802
        self._producer = producer

    def unregisterProducer(self) -> None:  # noqa: N802
        self._producer = None

    def pauseProducing(self) -> None:
        """Nothing more of the request comes anyway."""

    def resumeProducing(self) -> None:
        """It was not paused."""

    def stopProducing(self) -> None:
        self.loseConnection()

    def getPeer(self) -> IAddress:  # noqa: N802
        return self._peer

    def getHost(self) -> IAddress:  # noqa: N802
        """Nothing depends on it; some address has to be had."""
        return self._peer
