"""The limits, and how somebody stands with one of them: values in, values out."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network
from math import floor


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimit:
    """At most ``amount`` in ``window_seconds``; ``name`` tells its counts, and
    those of what it refused, from those of other limits."""

    name: str
    amount: int
    window_seconds: int


AT_ONE_TIME = "concurrent"
"""The name of the limit on requests under way, which is no rate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitSettings:
    """Every limit there is.

    ``requests`` hold for all API requests, ``completions`` for completions
    beside those; ``tokens`` is what completions may come to, prompt and answer;
    ``client_requests`` is how many requests one address may have under way.
    """

    requests: tuple[RateLimit, ...] = ()
    completions: tuple[RateLimit, ...] = ()
    tokens: RateLimit | None = None
    client_requests: int | None = None

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self.requests or self.completions or self.tokens or self.client_requests)

    def __str__(self) -> str:
        rates = [*self.requests, *self.completions, *([self.tokens] if self.tokens else [])]
        shown = [f"{each.name} {each.amount} in {each.window_seconds}s" for each in rates]
        if self.client_requests:
            shown.append(f"{self.client_requests} at a time")
        return ", ".join(shown)


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How somebody stands with ``limit``.

    ``free_in_seconds``: until one more is within the limit, 0 for now;
    ``full_in_seconds``: until all of it is there again.
    """

    limit: RateLimit
    remaining: int
    free_in_seconds: float
    full_in_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """What became of a request: how it stands with the limit that is nearest
    to its end, and with that of tokens; ``refused_by`` is the limit it is over,
    None where it was admitted and counted."""

    requests: Standing | None
    tokens: Standing | None
    refused_by: Standing | None


@dataclass(frozen=True, slots=True)
class SlidingCounts:
    """What was counted in the previous window and in the current one.

    The previous one counts by the share of it that is still within a window's
    length. ``previous_seconds``: until that share is nothing;
    ``current_seconds``: the same for the current one.
    """

    previous: int
    previous_seconds: float
    current: int
    current_seconds: float

    def standing(self, limit: RateLimit) -> Standing:
        fading = self.previous * self.previous_seconds / limit.window_seconds
        return Standing(
            limit=limit,
            remaining=max(0, limit.amount - floor(fading + self.current)),
            free_in_seconds=self._free_in_seconds(limit, fading),
            full_in_seconds=self._full_in_seconds(),
        )

    def _free_in_seconds(self, limit: RateLimit, fading: float) -> float:
        room = limit.amount - self.current
        if fading < room:
            return 0.0
        window = limit.window_seconds
        if room > 0:
            return max(0.0, self.previous_seconds - room * window / self.previous)
        # The current window has to become the previous one first, and to fade.
        return self.current_seconds - window + window * (1 - limit.amount / self.current)

    def _full_in_seconds(self) -> float:
        if self.current:
            return self.current_seconds
        return self.previous_seconds if self.previous else 0.0


def fixed_standing(limit: RateLimit, count: int, seconds_left: float) -> Standing:
    """The standing with a limit whose window begins with the first that is
    counted, and ends in ``seconds_left``."""
    remaining = max(0, limit.amount - count)
    return Standing(
        limit=limit,
        remaining=remaining,
        free_in_seconds=0.0 if remaining else seconds_left,
        full_in_seconds=seconds_left if count else 0.0,
    )


def client_name(address: str) -> str:
    """Under which name the client at an IP address is counted: IPv6 by its /64,
    since whoever has one address of that has them all (RFC 6177)."""
    if ":" not in address:
        return address
    return str(ip_network((IPv6Address(address).packed, 64), strict=False))
