"""One streamed answer: its calls, its deadlines and its text."""

from collections.abc import Sequence

from twisted.internet.defer import CancelledError

from piecesd.catalog import Model
from piecesd.chat import ChatEvent, ChatRequest, Delta, Finished
from piecesd.completion.attempts import Attempts
from piecesd.completion.deadlines import StreamDeadlines, StreamLimits
from piecesd.completion.rules import TextRules
from piecesd.completion.text_count import TextCount
from piecesd.errors import UpstreamTimeout
from piecesd.upstream.interface import PieceStream, Upstream


class StreamedChoice:
    """The events of one choice, batch by batch."""

    def __init__(
        self,
        index: int,
        model: Model,
        request: ChatRequest,
        *,
        upstream: Upstream,
        attempts: Attempts,
        limits: StreamLimits,
        rules: TextRules,
        count: TextCount,
    ) -> None:
        self._index = index
        self._model = model
        self._request = request
        self._upstream = upstream
        self._attempts = attempts
        self._limits = limits
        self._rules = rules
        self._count = count
        self._stream: PieceStream | None = None
        self._deadlines: StreamDeadlines | None = None
        self._expired: UpstreamTimeout | None = None
        self._began = attempts.clock.seconds()
        self._finished = False

    def is_finished(self) -> bool:
        """Whether its Finished has come out."""
        return self._finished

    async def next_events(self) -> list[ChatEvent]:
        """The next Deltas, with the Finished behind the last of them.

        :raises ApiError: the answer is not whole and will not be.
        """
        try:
            while True:
                # What came last has gone out, so that nobody waits for it now.
                if self._count.is_due:
                    await self._count.keep_up()
                pieces = await self._next_pieces()
                self._attempts.figures.pieces += len(pieces)
                events = self._events(pieces)
                if events:
                    return events
        except CancelledError:
            self.cancel()
            if self._expired is not None:
                raise self._expired from None
            raise
        except BaseException:
            self.cancel()
            raise

    def cancel(self) -> None:
        """End the upstream's call. Idempotent."""
        if self._deadlines is not None:
            self._deadlines.stop()
        if self._stream is not None:
            self._stream.cancel()

    async def _next_pieces(self) -> Sequence[str]:
        if self._expired is not None:
            raise self._expired
        if self._stream is None:
            return await self._first_pieces()
        deadlines = self._deadlines
        assert deadlines is not None
        deadlines.wait()
        pieces = await self._stream.next_batch()
        waited_seconds = deadlines.arrive()
        if pieces:
            self._attempts.figures.waits.add(waited_seconds)
        return pieces

    async def _first_pieces(self) -> Sequence[str]:
        deadlines = self._deadlines = StreamDeadlines(
            self._attempts.clock, self._limits, self._expire
        )
        pieces = await self._attempts.run(deadlines.first_piece_at, self._attempt)
        deadlines.arrive()
        figures = self._attempts.figures
        if figures.first_piece_seconds is None:
            figures.first_piece_seconds = self._attempts.clock.seconds() - self._began
        return pieces

    async def _attempt(self, avoid: object) -> Sequence[str]:
        """Open a stream and wait for its first text, or its end without one."""
        total = self._limits.total_seconds
        if total is not None:
            total = max(self._began + total - self._attempts.clock.seconds(), 0.001)
        stream = self._stream = self._upstream.open_stream(
            self._model.id, self._request, timeout_seconds=total, avoid=avoid
        )
        pieces = await stream.next_batch()
        while pieces and not any(pieces):
            pieces = await stream.next_batch()
        return pieces

    def _expire(self, error: UpstreamTimeout) -> None:
        self._expired = error
        if self._stream is not None:
            self._stream.cancel(blame=error)
        self._count.cancel()
        self.cancel()

    def _events(self, pieces: Sequence[str]) -> list[ChatEvent]:
        rules, index = self._rules, self._index
        texts = rules.feed_all(pieces)
        if not pieces and (rest := rules.finish()):
            texts.append(rest)
        self._count.add(texts)
        events: list[ChatEvent] = [Delta(index, text) for text in texts]
        if rules.reason is not None:
            self._finished = True
            self.cancel()
            events.append(Finished(index, rules.reason, rules.stop_sequence))
        return events
