"""Sends one streamed answer, as fast as the client reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from piecesd.dialects import sse
from piecesd.dialects.openai_reply import ChunkRenderer
from piecesd.errors import ApiError
from piecesd.http.error_response import api_error_of
from piecesd.http.request import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piecesd.chat import ChatEvent
    from piecesd.completion.completion import Completion

STREAM_HEADERS = (
    (b"content-type", sse.CONTENT_TYPE.encode()),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)


@implementer(IPushProducer)
class SseWriter:
    """Writes the events of ``completion`` to ``request``, one write a batch.

    Nothing goes out before the first batch is there, so a failure until then
    can still have its status. While the client does not read, no batch is
    asked for.
    """

    def __init__(
        self, request: ApiRequest, completion: Completion, renderer: ChunkRenderer
    ) -> None:
        self._request = request
        self._completion = completion
        self._renderer = renderer
        self._paused = False
        self._resumed: Deferred[None] | None = None

    async def run(self) -> None:
        """Send the whole answer, or an error event where it breaks off.

        :raises ApiError: it failed before anything was sent.
        :raises CancelledError: the client has left.
        """
        batch = await self._completion.next_events()
        self._open(batch)
        try:
            if batch:
                await self._send_rest()
            last = self._renderer.done()
        except Exception as raised:
            if isinstance(raised, CancelledError) and self._request.gone:
                raise
            self._request.outcome = "broken"
            error = api_error_of(self._request, Failure())
            self._request.error_code = error.code
            last = self._renderer.error(error, self._request.language)
        self._end(last)

    def cut(self, reason: ApiError) -> None:
        """End the answer now, with ``reason`` as its error."""
        self._completion.cancel(reason)
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed.errback(reason)

    def _open(self, batch: Sequence[ChatEvent]) -> None:
        first = self._renderer.opening() + self._renderer.events(batch)
        self._request.add_headers(STREAM_HEADERS)
        self._request.write(first)
        self._request.registerProducer(self, True)

    async def _send_rest(self) -> None:
        next_events, render = self._completion.next_events, self._renderer.events
        write = self._request.write
        while True:
            if self._paused:
                self._resumed = Deferred()
                await self._resumed
            batch = await next_events()
            if not batch:
                return
            write(render(batch))

    def _end(self, last: bytes) -> None:
        if self._request.gone:
            return
        self._request.unregisterProducer()
        self._request.write_last(last)

    # IPushProducer: what the client's reading tells us.

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed.callback(None)

    def stopProducing(self) -> None:
        """The connection is lost. The request is told next, and with it `run`
        is cancelled."""
