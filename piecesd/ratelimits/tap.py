"""The limits that the settings set, and the limiter where there are any."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service

from piecesd.config import Config
from piecesd.ratelimits.policy import LimitSettings, RateLimit

if TYPE_CHECKING:
    from piecesd.ratelimits.limiter import RateLimiter

_TOKEN_WINDOW_SECONDS = 60


def build(
    config: Config,
    reactor: Any,
    *,
    shared_directory: Path | None,
    count_refusal: Callable[[str], None],
) -> tuple["RateLimiter | None", list[Service]]:
    """The limiter, and what has to be started for it; None without a limit.

    :param shared_directory: where the workers of one daemon share what they count.
    :param count_refusal: called with the name of the limit for each request refused.
    """
    settings = limit_settings(config)
    if not settings.any:
        return None, []
    from piecesd.ratelimits.parts import make_limiter

    return make_limiter(
        settings,
        directory=shared_directory,
        redis_url=config.redis_url,
        reactor=reactor,
        count_refusal=count_refusal,
    )


def limit_settings(config: Config) -> LimitSettings:
    """The limits that are set."""
    rate = _limit("requests", config.rate_limit or 0, config.rate_limit_window_seconds)
    burst = _limit("burst", config.burst_rate_limit, config.burst_rate_limit_window_seconds)
    strict = _limit("strict", config.strict_rate_limit, config.strict_rate_limit_window_seconds)
    tokens = _limit("tokens", config.token_rate_limit, _TOKEN_WINDOW_SECONDS)
    return LimitSettings(
        requests=(*rate, *burst),
        completions=strict,
        tokens=tokens[0] if tokens else None,
        client_requests=config.max_client_requests or None,
    )


def _limit(name: str, amount: int, window_seconds: int) -> tuple[RateLimit, ...]:
    """None or one."""
    if not amount:
        return ()
    return (RateLimit(name=name, amount=amount, window_seconds=window_seconds),)
