"""Sends one streamed answer, as fast as the client reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from piecesd.chat import Usage
from piecesd.dialects.dialect import StreamRenderer
from piecesd.errors import ApiError
from piecesd.http.error_response import api_error_of
from piecesd.http.request import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from piecesd.completion.service import AnyCompletion


@implementer(IPushProducer)
class StreamWriter:
    """Writes the events of ``completion`` to ``request``, one write a batch.

    Nothing goes out before the first batch is there, or ``keep_alive_seconds``
    have gone by without one, so a failure until then can still have its status.
    While the client does not read, no batch is asked for.

    :param keep_alive_seconds: the longest silence; 0 for any.
    """

    def __init__(
        self,
        request: ApiRequest,
        completion: AnyCompletion,
        renderer: StreamRenderer,
        *,
        keep_alive_seconds: float,
    ) -> None:
        self._request = request
        self._completion = completion
        self._renderer = renderer
        self._silence = Silence(request.site.clock, keep_alive_seconds, self._keep_alive)
        self._input_tokens: int | None = None
        self._opened = False
        self._paused = False
        self._resumed: Deferred[None] | None = None

    async def run(self) -> None:
        """Send the whole answer, or an error event where it breaks off.

        :raises ApiError: it failed before anything was sent.
        :raises CancelledError: the client has left.
        """
        self._silence.begin()
        try:
            await self._send_events()
            last = self._renderer.done()
        except Exception as raised:
            if not self._opened or (isinstance(raised, CancelledError) and self._request.gone):
                raise
            self._request.outcome = "broken"
            error = api_error_of(self._request, Failure())
            self._request.error_code = error.code
            last = self._renderer.error(error, self._request.language)
        finally:
            self._silence.end()
        self._end(last)

    def cut(self, reason: ApiError) -> None:
        """End the answer now, with ``reason`` as its error."""
        self._completion.cancel(reason)
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed.errback(reason)

    async def _send_events(self) -> None:
        """Send all events. With the last of them the answer is whole, whether its
        client reads or not: no error may follow it."""
        next_events, render = self._completion.next_events, self._renderer.events
        write, silence = self._request.write, self._silence
        if self._renderer.wants_input_tokens:
            self._input_tokens = await self._completion.input_tokens()
        batch = await next_events()
        if not self._opened:
            self._open(render(batch))
        elif batch:
            write(render(batch))
        while batch and not isinstance(batch[-1], Usage):
            silence.broken()
            if self._paused:
                self._resumed = Deferred()
                await self._resumed
            batch = await next_events()
            if batch:
                write(render(batch))

    def _open(self, what_follows: bytes) -> None:
        self._opened = True
        self._request.add_headers(
            (
                (b"content-type", self._renderer.content_type.encode()),
                (b"cache-control", b"no-cache"),
                (b"x-accel-buffering", b"no"),
            )
        )
        self._request.write(self._renderer.opening(self._input_tokens) + what_follows)
        self._request.registerProducer(self, True)

    def _keep_alive(self) -> None:
        if self._paused or self._request.gone:
            return
        if self._opened:
            self._request.write(self._renderer.keep_alive())
        elif self._input_tokens is not None or not self._renderer.wants_input_tokens:
            self._open(self._renderer.keep_alive())

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


class Silence:
    """Calls ``keep_alive`` whenever ``seconds`` have gone by without a word.

    One timer a stream, which a word does not touch: it looks when it is due
    how long ago the last one was.
    """

    def __init__(self, clock: IReactorTime, seconds: float, keep_alive: Callable[[], None]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._keep_alive = keep_alive
        self._since = 0.0
        self._timer: IDelayedCall | None = None

    def begin(self) -> None:
        if self._seconds:
            self.broken()
            self._timer = self._clock.callLater(self._seconds, self._look)

    def broken(self) -> None:
        """Something was sent."""
        self._since = self._clock.seconds()

    def end(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _look(self) -> None:
        left_seconds = self._since + self._seconds - self._clock.seconds()
        if left_seconds <= 0:
            self.broken()
            left_seconds = self._seconds
            self._timer = self._clock.callLater(left_seconds, self._look)
            self._keep_alive()
        else:
            self._timer = self._clock.callLater(left_seconds, self._look)
