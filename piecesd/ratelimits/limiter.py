"""Admits requests within the limits, and refuses the others."""

from collections.abc import Callable
from math import floor

from piecesd.errors import RateLimited, TokenRateLimited, TooManyAtOnce
from piecesd.ratelimits.counts import Counts
from piecesd.ratelimits.places import Places
from piecesd.ratelimits.policy import AT_ONE_TIME, Admission, LimitSettings, Standing


class RateLimiter:
    """Holds clients to ``settings``, by ``counts`` and ``places``.

    :param count_refusal: called with the name of the limit for each request
        that may not pass.
    """

    def __init__(
        self,
        settings: LimitSettings,
        counts: Counts,
        places: Places | None,
        count_refusal: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._counts = counts
        self._places = places
        self._count_refusal = count_refusal

    async def enter(self, client: str) -> None:
        """Take one of the client's places for requests at one time; `leave`
        follows.

        :raises TooManyAtOnce: it has none left.
        """
        if self._places is not None and not await self._places.take(client):
            self._count_refusal(AT_ONE_TIME)
            raise TooManyAtOnce(limit=self._settings.client_requests, retry_after_seconds=1)

    def leave(self, client: str) -> None:
        """Give back the place of a request that has entered."""
        if self._places is not None:
            self._places.give_back(client)

    async def admit(self, who: str, *, completion: bool) -> Admission:
        """Count a request, if it may pass; `refusal` says whether it may."""
        settings = self._settings
        limits = settings.requests + (settings.completions if completion else ())
        tokens = settings.tokens if completion else None
        if not limits and tokens is None:
            return Admission(requests=None, tokens=None, refused_by=None)
        admission = await self._counts.take(who, limits, tokens)
        if admission.refused_by is not None:
            self._count_refusal(admission.refused_by.limit.name)
        return admission

    def refusal(self, admission: Admission) -> RateLimited | None:
        """The error of a request that may not pass."""
        standing = admission.refused_by
        if standing is None:
            return None
        error = TokenRateLimited if standing.limit == self._settings.tokens else RateLimited
        wait_seconds = _whole_seconds_after(standing)
        return error(
            limit=standing.limit.amount,
            window_seconds=standing.limit.window_seconds,
            wait_seconds=wait_seconds,
            retry_after_seconds=wait_seconds,
        )

    def spend(self, who: str, tokens: int) -> None:
        """Count what a completion came to."""
        limit = self._settings.tokens
        if limit is not None and tokens > 0:
            self._counts.spend(who, limit, tokens)


def _whole_seconds_after(standing: Standing) -> int:
    return floor(standing.free_in_seconds) + 1
