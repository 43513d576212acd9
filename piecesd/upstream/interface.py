"""The seam between the core and the upstream services.

`piecesd.completion` sees these Protocols and nothing behind them; a second
transport beside the thread-pool bridge stands here too.
"""

from collections.abc import Sequence
from typing import Protocol

from piecesd.chat import ChatRequest
from piecesd.errors import UpstreamError


class PieceStream(Protocol):
    """The text of one streamed upstream call, as it arrives.

    Opened in the reactor thread and used only there. Whoever holds one reads
    it to its end or cancels it.
    """

    async def next_batch(self) -> Sequence[str]:
        """The pieces that have arrived since the last batch, waiting for one.

        An empty batch is the end of a whole answer; once it, or an error, has
        come out, every later batch is the same. An empty piece is kept.

        :raises UpstreamError: the call failed or the answer is broken; the
            pieces that came before it have been handed out first.
        """

    def cancel(self, *, blame: UpstreamError | None = None) -> None:
        """End the call now and let go of what it holds. Idempotent, never
        raises; a pending `next_batch` fails with Twisted's CancelledError.

        :param blame: what the upstream did to deserve it, such as keeping
            silent for too long; None where it did nothing.
        """


class Upstream(Protocol):
    """One inference service."""

    def usable_in(self) -> float:
        """Seconds until it takes a call; 0 for now. More than 0 where every
        address of the service has asked to be left alone."""

    def open_stream(
        self, model: str, request: ChatRequest, *, timeout_seconds: float | None, avoid: object
    ) -> PieceStream:
        """Start a streamed call to ``model`` (the catalogue's id), which the
        upstream may give ``timeout_seconds`` in all (None: no bound).

        :param avoid: the ``origin`` of a failed attempt's UpstreamError, or
            None; another channel is taken where there is one.
        :raises Overloaded: no thread is free to carry the call.
        :raises UpstreamError: no address takes the call now.
        """

    async def predict(
        self, model: str, request: ChatRequest, *, timeout_seconds: float, avoid: object
    ) -> str:
        """The whole answer of one unary call. Cancelling the coroutine's
        Deferred cancels the call.

        :raises UpstreamError: the call failed.
        """
