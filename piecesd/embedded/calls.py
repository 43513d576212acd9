"""The calls of the embedded upstream, counted, for tests and for operators."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

CallOutcome = Literal["finished", "failed", "cancelled"]


@dataclass(slots=True)
class CallCounts:
    """Calls since the start. ``opened`` is the sum of the others. Written by
    the server's thread alone; any may read."""

    opened: int = 0
    open: int = 0
    finished: int = 0
    failed: int = 0
    cancelled: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class EndedCall:
    """How one call went."""

    number: int
    model: str
    outcome: CallOutcome
    pieces: int
    seconds: float


@dataclass(slots=True)
class OpenCall:
    """One call while it runs; ``number`` counts from 1."""

    number: int
    pieces: int = 0


class Calls:
    """Counts calls as they come and go.

    :param on_end: told of every call that ended, in the server's thread.
    """

    def __init__(self, on_end: Callable[[EndedCall], None]) -> None:
        self.counts = CallCounts()
        self._on_end = on_end

    @contextmanager
    def track(self, model: str) -> Iterator[OpenCall]:
        """Count what happens inside as one call to ``model``: an exception is
        a failure, asyncio's CancelledError a cancel."""
        counts = self.counts
        counts.opened += 1
        counts.open += 1
        call = OpenCall(counts.opened)
        began = time.monotonic()
        outcome: CallOutcome = "failed"
        try:
            yield call
            outcome = "finished"
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            counts.open -= 1
            setattr(counts, outcome, getattr(counts, outcome) + 1)
            self._on_end(
                EndedCall(
                    number=call.number,
                    model=model,
                    outcome=outcome,
                    pieces=call.pieces,
                    seconds=time.monotonic() - began,
                )
            )
