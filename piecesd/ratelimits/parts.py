"""The parts of a limiter, put together.

Apart from `piecesd.ratelimits.tap`, because the libraries that count take 8 MB
and a tenth of a second, which a daemon without limits keeps.
"""

from functools import partial
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.threads import deferToThreadPool

from piecesd.process import daemon_threads
from piecesd.ratelimits.counts import Counts, LocalCounts
from piecesd.ratelimits.limiter import RateLimiter
from piecesd.ratelimits.places import MemoryPlaces, Places, SharedPlaces
from piecesd.ratelimits.policy import LimitSettings
from piecesd.ratelimits.storage import TableStorage
from piecesd.ratelimits.tally import Tally
from piecesd.shared.tables import MemoryTable, SqliteTable, Table

_COUNTS_FILE = "rates.sqlite"
_PLACES_FILE = "places.sqlite"
_REDIS_THREADS = 4


def make_limiter(
    settings: LimitSettings, *, directory: Path | None, redis_url: str | None, reactor: Any
) -> tuple[RateLimiter, list[Service]]:
    """The limiter, and what has to be started for it.

    :param directory: which this machine's workers share, if there are several.
    :param redis_url: of the Redis that several daemons share, if they do.
    """
    seconds = reactor.seconds

    def tally(table: Table) -> Tally:
        return Tally(TableStorage(table, seconds), seconds)

    local: Counts = LocalCounts(
        tally(MemoryTable(seconds)),
        tally(SqliteTable(directory / _COUNTS_FILE, seconds)) if directory else None,
    )
    places = _places(settings.client_requests, directory)
    if redis_url is None:
        return RateLimiter(settings, local, places), []
    from piecesd.ratelimits.redis_counts import RedisCounts, redis_tally, shown_place

    threads = daemon_threads("redis", _REDIS_THREADS)
    counts = RedisCounts(
        redis_tally(redis_url, seconds),
        local,
        in_thread=partial(deferToThreadPool, reactor, threads),
        threads=threads,
        place=shown_place(redis_url),
        clock=reactor,
    )
    return RateLimiter(settings, counts, places), [counts]


def _places(limit: int | None, directory: Path | None) -> Places | None:
    if limit is None:
        return None
    return SharedPlaces(limit, directory / _PLACES_FILE) if directory else MemoryPlaces(limit)
