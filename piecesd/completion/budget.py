"""How many of the calls may be retries."""

from collections.abc import Callable

from piecesd.stats import RollingCount

WINDOW_SECONDS = 10

ALWAYS_ALLOWED = 10
"""Retries in a window that are allowed however few calls there are: a quiet
daemon could never retry if a fifth of its three calls were the limit."""


class RetryBudget:
    """Counts calls and retries of the last ten seconds, of all requests.

    Without it a service that fails everything would be asked four times for
    each request, just when it can bear that least.

    :param percent: retries for each hundred calls.
    :param seconds: the clock.
    """

    def __init__(self, percent: int, seconds: Callable[[], float]) -> None:
        self._share = percent / 100
        self._calls = RollingCount(seconds)
        self._retries = RollingCount(seconds)

    @property
    def retries(self) -> int:
        """Retries since the start."""
        return self._retries.total

    def count_call(self) -> None:
        """A request makes its first attempt."""
        self._calls.add()

    def take(self) -> bool:
        """Whether one more retry is within the budget; it is counted if so."""
        calls = self._calls.in_last(WINDOW_SECONDS)
        if self._retries.in_last(WINDOW_SECONDS) >= max(ALWAYS_ALLOWED, self._share * calls):
            return False
        self._retries.add()
        return True
