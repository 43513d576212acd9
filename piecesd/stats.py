"""Counts requests: in all, and lately; and what each came to.

Counting costs a few operations a request and the memory never grows.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from piecesd.chat import Usage

_SLOTS_PER_SECOND = 10
_LONGEST_WINDOW_SECONDS = 60

WAIT_BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""By which the waits of a stream for its next pieces are told apart."""


class RollingCount:
    """How many events fell into the last seconds.

    Time is cut into slots of a tenth of a second, held in a ring that covers a
    minute. A window of *n* seconds is the slot that is running and the
    ``10 * n - 1`` before it, so it is short by up to one slot. A clock that
    steps back is taken to stand still.

    :param seconds: the clock, in seconds from any fixed point.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._counts = [0] * (_SLOTS_PER_SECOND * _LONGEST_WINDOW_SECONDS)
        self._slot = self._slot_now()
        self.total = 0

    def add(self) -> None:
        """Count one event, now."""
        self._advance()
        self._counts[self._slot % len(self._counts)] += 1
        self.total += 1

    def in_last(self, window_seconds: int) -> int:
        """The events of the last ``window_seconds``, from 1 to 60."""
        if not 1 <= window_seconds <= _LONGEST_WINDOW_SECONDS:
            raise ValueError(f"a window is of 1 to {_LONGEST_WINDOW_SECONDS} seconds")
        self._advance()
        size = len(self._counts)
        first = self._slot - _SLOTS_PER_SECOND * window_seconds + 1
        return sum(self._counts[slot % size] for slot in range(first, self._slot + 1))

    def _slot_now(self) -> int:
        return int(self._seconds() * _SLOTS_PER_SECOND)

    def _advance(self) -> None:
        """Empty the slots that time has reached since the last call."""
        now = self._slot_now()
        if now <= self._slot:
            return
        size = len(self._counts)
        for slot in range(max(self._slot + 1, now - size + 1), now + 1):
            self._counts[slot % size] = 0
        self._slot = now


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestFigures:
    """The counts at one moment: requests of the last second, of the last
    minute, and since the start."""

    last_second: int
    last_minute: int
    total: int


class RequestStats:
    """The counts of a daemon's requests: of all, and of those to the API."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._all = RollingCount(seconds)
        self._api = RollingCount(seconds)

    def count_request(self) -> None:
        self._all.add()

    def count_api_request(self) -> None:
        self._api.add()

    def all_requests(self) -> RequestFigures:
        return _figures(self._all)

    def api_requests(self) -> RequestFigures:
        return _figures(self._api)


def _figures(count: RollingCount) -> RequestFigures:
    return RequestFigures(
        last_second=count.in_last(1), last_minute=count.in_last(60), total=count.total
    )


class Spread:
    """How many values are up to each of some bounds, and their sum.

    Adding a value costs a fraction of a microsecond, so a stream can do it for
    every batch of pieces.

    ``counts`` has one more place than there are ``bounds`` (ascending), for
    what is above all of them.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = WAIT_BOUNDS_SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedRequest:
    """A request that is over, for those who count.

    ``route`` is the pattern of the route that answered, and empty where none
    did. From ``model_id`` on it is about the completion, and as it stands here
    where none was begun.
    """

    route: str
    status: int
    outcome: Literal["ok", "error", "cancelled", "broken"]
    error_code: str | None
    seconds: float
    model_id: str | None = None
    first_piece_seconds: float | None = None
    pieces: int = 0
    retries: int = 0
    refused_retries: int = 0
    usage: Usage | None = None
    waits: Spread | None = None
