"""Counts that many daemons share in a Redis."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from limits.storage import RedisStorage
from twisted.python.failure import Failure

from piecesd.ratelimits.counts import Counts
from piecesd.ratelimits.policy import Admission, RateLimit
from piecesd.ratelimits.redis_link import RedisAway, RedisLink, redis_options
from piecesd.ratelimits.tally import Tally


def redis_tally(url: str, seconds: Callable[[], float]) -> Tally:
    """A tally by the Redis at ``url``; it connects when it is first asked."""
    return Tally(RedisStorage(url, wrap_exceptions=True, **redis_options()), seconds)


class RedisCounts:
    """Counts by ``shared``, and by ``local`` while that is away or slow.

    :param link: the way to the Redis in which ``shared`` counts.
    """

    def __init__(self, shared: Tally, local: Counts, link: RedisLink) -> None:
        self._shared = shared
        self._local = local
        self._link = link

    async def take(
        self, who: str, limits: Sequence[RateLimit], tokens: RateLimit | None
    ) -> Admission:
        if self._link.is_usable:
            with suppress(RedisAway):
                admission: Admission = await self._link.ask(self._shared.take, who, limits, tokens)
                return admission
        return await self._local.take(who, limits, tokens)

    def spend(self, who: str, limit: RateLimit, amount: int) -> None:
        if not self._link.is_usable:
            self._local.spend(who, limit, amount)
            return

        def count_here(failure: Failure) -> None:
            failure.trap(RedisAway)
            self._local.spend(who, limit, amount)

        self._link.ask(self._shared.spend, who, limit, amount).addErrback(count_here)
