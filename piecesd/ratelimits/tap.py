"""Wires the limiter that the settings describe."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.threads import deferToThreadPool

from piecesd.config import Config
from piecesd.process import daemon_threads
from piecesd.ratelimits.counts import Counts, LocalCounts
from piecesd.ratelimits.limiter import RateLimiter
from piecesd.ratelimits.places import MemoryPlaces, Places, SharedPlaces
from piecesd.ratelimits.policy import LimitSettings, RateLimit
from piecesd.ratelimits.redis_counts import RedisCounts, redis_tally, shown_place
from piecesd.ratelimits.storage import TableStorage
from piecesd.ratelimits.tables import MemoryTable, SqliteTable, Table
from piecesd.ratelimits.tally import Tally

SHARED_DIRECTORY = "PIECESD_SHARED_DIRECTORY"
"""Set by whoever runs several workers on this machine."""

_COUNTS_FILE = "rates.sqlite"
_PLACES_FILE = "places.sqlite"
_REDIS_THREADS = 4
_TOKEN_WINDOW_SECONDS = 60


def build(
    config: Config, reactor: Any, environment: Mapping[str, str]
) -> tuple[RateLimiter | None, list[Service]]:
    """The limiter, and what has to be started for it; None without a limit."""
    settings = limit_settings(config)
    if not settings.any:
        return None, []
    seconds = reactor.seconds

    def tally(table: Table) -> Tally:
        return Tally(TableStorage(table, seconds), seconds)

    directory = environment.get(SHARED_DIRECTORY)
    local: Counts = LocalCounts(
        tally(MemoryTable(seconds)),
        tally(SqliteTable(Path(directory, _COUNTS_FILE), seconds)) if directory else None,
    )
    places = _places(settings.client_requests, directory)
    if config.redis_url is None:
        return RateLimiter(settings, local, places), []
    threads = daemon_threads("redis", _REDIS_THREADS)
    counts = RedisCounts(
        redis_tally(config.redis_url, seconds),
        local,
        in_thread=partial(deferToThreadPool, reactor, threads),
        threads=threads,
        place=shown_place(config.redis_url),
        clock=reactor,
    )
    return RateLimiter(settings, counts, places), [counts]


def _places(limit: int | None, directory: str | None) -> Places | None:
    if limit is None:
        return None
    return SharedPlaces(limit, Path(directory, _PLACES_FILE)) if directory else MemoryPlaces(limit)


def limit_settings(config: Config) -> LimitSettings:
    """The limits that are set."""
    rate = _limit("rate", config.rate_limit or 0, config.rate_limit_window_seconds)
    burst = _limit("burst", config.burst_rate_limit, config.burst_rate_limit_window_seconds)
    strict = _limit(
        "completions", config.strict_rate_limit, config.strict_rate_limit_window_seconds
    )
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
