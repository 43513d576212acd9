"""An upstream that does what it is told: the fake that tests share.

It keeps the contract of `piecesd.upstream.interface`; tests/upstream runs the
same suite against it and against the real client.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from twisted.internet.defer import CancelledError, Deferred

from piecesd.chat import ChatRequest
from piecesd.errors import ApiError, UpstreamError


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a call was opened with."""

    model: str
    request: ChatRequest
    timeout_seconds: float | None
    avoid: object


@dataclass(eq=False, slots=True)
class ScriptedStream:
    """A streamed call: a test says what arrives on it, and how it ends."""

    asked: Asked
    cancelled: bool = False
    blame: UpstreamError | None = None
    _pending: list[str] = field(default_factory=list)
    _waiter: Deferred[None] | None = None
    _ended: bool = False
    _error: ApiError | None = None

    def arrive(self, *pieces: str) -> None:
        """These pieces arrive together."""
        self._pending += pieces
        self._wake()

    def finish(self) -> None:
        """The upstream ends the answer, whole."""
        self._ended = True
        self._wake()

    def fail(self, error: ApiError) -> None:
        """The call breaks here."""
        self._error = error
        self.finish()

    async def next_batch(self) -> Sequence[str]:
        while not (self._pending or self._ended or self.cancelled):
            self._waiter = Deferred(lambda _waiter: self.cancel())
            await self._waiter
        if self.cancelled and not self._ended:
            raise CancelledError()
        if self._pending:
            batch, self._pending = self._pending, []
            return batch
        if self._error is not None:
            raise self._error
        return ()

    def cancel(self, *, blame: UpstreamError | None = None) -> None:
        if not self._ended:
            self.blame = self.blame or blame
            self.cancelled = True
            self._pending = []
            self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)


@dataclass(eq=False, slots=True)
class ScriptedReply:
    """A unary call; ``deferred`` is what the caller waits for."""

    asked: Asked
    deferred: Deferred[str] = field(default_factory=Deferred)
    cancelled: bool = False

    def __post_init__(self) -> None:
        self.deferred = Deferred(self._cancel)

    def _cancel(self, _deferred: Deferred[str]) -> None:
        self.cancelled = True


class ScriptedUpstream:
    """Keeps every call it is asked for. ``refusal``, once set, is raised by
    every further one; ``usable_after_seconds`` is what it says of itself."""

    def __init__(self) -> None:
        self.streams: list[ScriptedStream] = []
        self.replies: list[ScriptedReply] = []
        self.refusal: ApiError | None = None
        self.usable_after_seconds = 0.0

    def usable_in(self) -> float:
        return self.usable_after_seconds

    def open_stream(
        self, model: str, request: ChatRequest, *, timeout_seconds: float | None, avoid: object
    ) -> ScriptedStream:
        stream = ScriptedStream(self._ask(model, request, timeout_seconds, avoid))
        self.streams.append(stream)
        return stream

    async def predict(
        self, model: str, request: ChatRequest, *, timeout_seconds: float, avoid: object
    ) -> str:
        reply = ScriptedReply(self._ask(model, request, timeout_seconds, avoid))
        self.replies.append(reply)
        return await reply.deferred

    def _ask(
        self, model: str, request: ChatRequest, timeout_seconds: float | None, avoid: object
    ) -> Asked:
        if self.refusal is not None:
            raise self.refusal
        return Asked(model=model, request=request, timeout_seconds=timeout_seconds, avoid=avoid)
