"""Rate limits on HTTP requests: whom they count for, and the headers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import TYPE_CHECKING

from piecesd.ratelimits.policy import Admission, client_name

if TYPE_CHECKING:
    from piecesd.completion.attempts import Figures
    from piecesd.http.auth import ApiKeys
    from piecesd.http.request import ApiRequest
    from piecesd.ratelimits.limiter import RateLimiter

RATE_HEADERS = tuple(
    b"x-ratelimit-%b-%b" % (figure, of)
    for of in (b"requests", b"tokens")
    for figure in (b"limit", b"remaining", b"reset")
)
"""The headers that clients of the OpenAI API read."""


class RequestLimits:
    """Counts requests by the key they show, and by their client's address where
    no keys are asked for; those under way by the address in any case."""

    def __init__(self, limiter: RateLimiter, keys: ApiKeys) -> None:
        self._limiter = limiter
        self._keys = keys
        self._inside: set[ApiRequest] = set()

    @contextmanager
    def place(self, request: ApiRequest) -> Iterator[None]:
        """At the end of ``request``, give back the place that `admit` took, and
        count its tokens."""
        try:
            yield
        finally:
            if request.figures is not None:
                self._limiter.spend(self._who(request), _tokens(request.figures))
            if request in self._inside:
                self._inside.remove(request)
                self._limiter.leave(client_name(request.client_address))

    async def admit(self, request: ApiRequest, *, completion: bool) -> None:
        """Take a place of the client's for ``request``, and count it; its
        response tells how its client stands.

        :raises RateLimited: it is over a limit, or the client has too many
            requests under way.
        """
        await self._limiter.enter(client_name(request.client_address))
        self._inside.add(request)
        admission = await self._limiter.admit(self._who(request), completion=completion)
        request.add_headers(rate_headers(admission))
        refusal = self._limiter.refusal(admission)
        if refusal is not None:
            raise refusal

    def _who(self, request: ApiRequest) -> str:
        holder = self._keys.holder(request.shown_key)
        return holder or client_name(request.client_address)


def rate_headers(admission: Admission) -> Iterator[tuple[bytes, bytes]]:
    """How a client stands, in the form of the OpenAI API."""
    for of, standing in ((b"requests", admission.requests), (b"tokens", admission.tokens)):
        if standing is not None:
            yield b"x-ratelimit-limit-" + of, b"%d" % standing.limit.amount
            yield b"x-ratelimit-remaining-" + of, b"%d" % standing.remaining
            yield b"x-ratelimit-reset-" + of, duration(standing.full_in_seconds).encode()


def duration(seconds: float) -> str:
    """A span of time as the OpenAI API writes it: ``20ms``, ``1s``, ``6m0s``."""
    if seconds < 1:
        return f"{ceil(seconds * 1000)}ms" if seconds > 0 else "0s"
    minutes, whole_seconds = divmod(ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{whole_seconds}s"
    return f"{minutes}m{whole_seconds}s" if minutes else f"{whole_seconds}s"


def _tokens(figures: Figures) -> int:
    """What a completion came to. One that broke off was not counted: a piece
    of its answer is taken for a token, so that leaving early is not free."""
    usage = figures.usage
    return figures.pieces if usage is None else usage.input_tokens + usage.output_tokens
