"""The attempts of one request, and what it came to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import uniform
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from piecesd.chat import Usage
from piecesd.completion.backoff import backoff_seconds
from piecesd.completion.budget import RetryBudget
from piecesd.errors import UpstreamError
from piecesd.stats import Spread

T = TypeVar("T")


@dataclass(slots=True)
class Figures:
    """What a request came to so far, for the access line and the counters.

    ``pieces`` came from the upstream; ``first_piece_seconds`` is the time from
    the request's begin to the first of them that was passed on. ``waits`` are
    those of its streams for their next pieces; ``refused_retries`` were not in
    the budget.
    """

    model_id: str
    retries: int = 0
    pieces: int = 0
    first_piece_seconds: float | None = None
    usage: Usage | None = None
    refused_retries: int = 0
    waits: Spread = field(default_factory=Spread)

    def add(self, other: "Figures") -> None:
        """Take in what another completion for the same request came to."""
        self.retries += other.retries
        self.pieces += other.pieces
        self.refused_retries += other.refused_retries
        if other.usage is not None:
            self.usage = other.usage if self.usage is None else self.usage + other.usage


class Attempts:
    """Makes the calls of one request, again where that is worth its while.

    An attempt that fails in a way another may not is followed by one on
    another address or channel where there is one, after a backoff, up to
    ``max_retries`` times, within the budget of all requests, and never past a
    deadline.

    :param usable_in: see `piecesd.upstream.interface.Upstream`; no attempt is
        made before that.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        figures: Figures,
        *,
        max_retries: int,
        budget: RetryBudget,
        usable_in: Callable[[], float],
        request_id: str,
        jitter: Callable[[float, float], float] = uniform,
    ) -> None:
        self.clock = clock
        self.figures = figures
        self._max_retries = max_retries
        self._budget = budget
        self._usable_in = usable_in
        self._request_id = request_id
        self._jitter = jitter
        self._waits: set[Deferred[None]] = set()

    async def run(self, deadline: float, attempt: Callable[[object], Awaitable[T]]) -> T:
        """Call ``attempt`` with what it is to avoid, until it returns.

        :param deadline: in the clock's seconds; no wait goes past it.
        :raises ApiError: what the last attempt raised.
        """
        avoid: object = None
        retries = 0
        self._budget.count_call()
        while True:
            try:
                return await attempt(avoid)
            except UpstreamError as error:
                if not error.retryable or retries >= self._max_retries:
                    raise
                delay = max(backoff_seconds(retries, self._jitter), self._usable_in())
                if self.clock.seconds() + delay >= deadline:
                    raise
                if not self._budget.take():
                    self.figures.refused_retries += 1
                    self._log.warn(
                        "{request_id} no retry, their budget is spent: {error}",
                        request_id=self._request_id,
                        error=str(error),
                    )
                    raise
                avoid = error.origin
                retries += 1
                self._note(error, retries, delay)
            await self._sleep(delay)

    async def _sleep(self, seconds: float) -> None:
        wait: Deferred[None] = deferLater(self.clock, seconds)
        self._waits.add(wait)
        try:
            await wait
        finally:
            self._waits.discard(wait)

    def cancel(self) -> None:
        """Stop waiting for another attempt: `run` fails with CancelledError."""
        for wait in tuple(self._waits):
            wait.cancel()

    def _note(self, error: UpstreamError, retry: int, delay: float) -> None:
        self.figures.retries += 1
        self._log.warn(
            "{request_id} retry {retry} of {max_retries} in {delay_seconds:.3f}s: "
            "{error} [{log_detail}]",
            request_id=self._request_id,
            retry=retry,
            max_retries=self._max_retries,
            delay_seconds=delay,
            error=str(error),
            log_detail=error.log_detail or "no more is known",
        )
