"""Takes from limits, and tells how one stands with them, by one storage."""

from collections.abc import Callable, Sequence
from functools import cache

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage.base import SlidingWindowCounterSupport, Storage
from limits.strategies import FixedWindowRateLimiter, SlidingWindowCounterRateLimiter

from piecesd.ratelimits.policy import Admission, RateLimit, SlidingCounts, Standing, fixed_standing

_NAMESPACE = "piecesd"
_PROBE_KEY = "piecesd/probe"


class Tally:
    """Counts requests by a sliding window, tokens by a fixed one.

    What a request costs in tokens is known when it is over: a fixed window is
    one that can be overdrawn then. ``who`` is whom it is counted for.
    All methods may block, and raise limits.errors.StorageError where the
    storage fails.
    """

    def __init__(self, storage: Storage, seconds: Callable[[], float]) -> None:
        self._storage = storage
        self._seconds = seconds
        self._sliding = SlidingWindowCounterRateLimiter(storage)
        self._fixed = FixedWindowRateLimiter(storage)

    def take(self, who: str, limits: Sequence[RateLimit], tokens: RateLimit | None) -> Admission:
        """Count a request, if it is within all the limits."""
        standings = []
        refused_by = None
        of_tokens = None
        if tokens is not None:
            of_tokens = self._standing_of_tokens(who, tokens)
            if not of_tokens.remaining:
                refused_by = of_tokens
        counts = {limit: self._counts(who, limit) for limit in limits}
        for limit, counted in counts.items():
            standing = counted.standing(limit)
            standings.append(standing)
            if not standing.remaining and refused_by is None:
                refused_by = standing
        if refused_by is None:
            standings.clear()
            for limit, counted in counts.items():
                if not self._sliding.hit(_item(limit), who, limit.name):
                    # Somebody else was faster.
                    refused_by = self._counts(who, limit).standing(limit)
                    standings.append(refused_by)
                    break
                standings.append(_with_one_more(counted, limit).standing(limit))
        return Admission(
            requests=min(standings, key=_nearness, default=None),
            tokens=of_tokens,
            refused_by=refused_by,
        )

    def spend(self, who: str, limit: RateLimit, amount: int) -> None:
        """Count ``amount`` tokens, also past the limit."""
        self._fixed.hit(_item(limit), who, limit.name, cost=amount)

    def probe(self) -> None:
        """See whether something can be counted."""
        self._storage.incr(_PROBE_KEY, 1)

    def _counts(self, who: str, limit: RateLimit) -> SlidingCounts:
        storage = self._sliding.storage
        assert isinstance(storage, SlidingWindowCounterSupport)
        item = _item(limit)
        return SlidingCounts(
            *storage.get_sliding_window(item.key_for(who, limit.name), item.get_expiry())
        )

    def _standing_of_tokens(self, who: str, limit: RateLimit) -> Standing:
        stats = self._fixed.get_window_stats(_item(limit), who, limit.name)
        count = limit.amount - stats.remaining
        return fixed_standing(limit, count, max(0.0, stats.reset_time - self._seconds()))


def _with_one_more(counts: SlidingCounts, limit: RateLimit) -> SlidingCounts:
    return SlidingCounts(
        counts.previous,
        counts.previous_seconds,
        counts.current + 1,
        # Redis begins a window with the first that is counted.
        counts.current_seconds or 2.0 * limit.window_seconds,
    )


def _nearness(standing: Standing) -> tuple[int, float]:
    return standing.remaining, -standing.full_in_seconds


@cache
def _item(limit: RateLimit) -> RateLimitItem:
    return RateLimitItemPerSecond(limit.amount, limit.window_seconds, namespace=_NAMESPACE)
