"""Who may use the API now: the key, the places for requests, the rate limits."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from piecesd.http.auth import ApiKeys
from piecesd.http.rate_limits import RequestLimits
from piecesd.http.request import ApiRequest
from piecesd.http.running import RunningRequests


class Admission:
    """Lets API requests in, in the order of the checks.

    :param limits: None where no rate is limited.
    :param count: called with each request, also with those that are refused.
    """

    def __init__(
        self,
        *,
        keys: ApiKeys,
        running: RunningRequests,
        limits: RequestLimits | None,
        count: Callable[[], None],
    ) -> None:
        self.running = running
        self._keys = keys
        self._limits = limits
        self._count = count

    def holder(self, request: ApiRequest) -> str:
        """Whose what ``request`` makes is: a name for its key, which was checked,
        empty where no key is asked for."""
        return self._keys.holder(request.shown_key) or ""

    @contextmanager
    def place(self, request: ApiRequest) -> Iterator[None]:
        """Hold one of the places for API requests, for a client with a key, and
        what `admit` takes.

        :raises ApiError: it has no key, or there is no place.
        """
        self._count()
        self._keys.check(request.shown_key)
        self.running.enter()
        try:
            if self._limits is None:
                yield
            else:
                with self._limits.place(request):
                    yield
        finally:
            self.running.leave()

    async def admit(self, request: ApiRequest, *, completion: bool) -> None:
        """Count ``request``, which has a place, against the limits of its client.

        :raises RateLimited: it is over one.
        """
        if self._limits is not None:
            await self._limits.admit(request, completion=completion)

    def when_admitted(
        self, request: ApiRequest, send: Callable[[], None]
    ) -> Coroutine[Any, Any, None] | None:
        """Have what is no completion sent: at once, or with a limit once it is
        known to be kept."""
        if self._limits is not None:
            return self._send_within_limits(request, send)
        with self.place(request):
            send()
        return None

    async def _send_within_limits(self, request: ApiRequest, send: Callable[[], None]) -> None:
        with self.place(request):
            await self.admit(request, completion=False)
            send()
