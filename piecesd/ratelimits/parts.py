"""The parts of a limiter, put together.

Apart from `piecesd.ratelimits.tap`, because the libraries that count take 8 MB
and a tenth of a second, which a daemon without limits keeps.
"""

from collections.abc import Callable
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
    settings: LimitSettings,
    *,
    directory: Path | None,
    redis_url: str | None,
    reactor: Any,
    count_refusal: Callable[[str], None],
) -> tuple[RateLimiter, list[Service]]:
    """The limiter, and what has to be started for it.

    :param directory: which this machine's workers share, if there are several.
    :param count_refusal: as of `RateLimiter`.
    :param redis_url: of the Redis that several daemons share, if they do.
    """
    seconds = reactor.seconds

    def tally(table: Table) -> Tally:
        return Tally(TableStorage(table, seconds), seconds)

    counts: Counts = LocalCounts(
        tally(MemoryTable(seconds)),
        tally(SqliteTable(directory / _COUNTS_FILE, seconds)) if directory else None,
    )
    places = _places(settings.client_requests, directory)
    services: list[Service] = []
    if redis_url is not None:
        counts, places, services = _with_redis(settings, counts, places, redis_url, reactor)
    return RateLimiter(settings, counts, places, count_refusal), services


def _with_redis(
    settings: LimitSettings, local: Counts, local_places: Places | None, url: str, reactor: Any
) -> tuple[Counts, Places | None, list[Service]]:
    from piecesd.ratelimits.redis_counts import RedisCounts, redis_tally
    from piecesd.ratelimits.redis_link import RedisLink, shown_place
    from piecesd.ratelimits.redis_places import RedisPlaces, RedisStore

    tally = redis_tally(url, reactor.seconds)
    threads = daemon_threads("redis", _REDIS_THREADS)
    link = RedisLink(
        tally.probe,
        in_thread=partial(deferToThreadPool, reactor, threads),
        threads=threads,
        place=shown_place(url),
        clock=reactor,
    )
    counts = RedisCounts(tally, local, link)
    if settings.client_requests is None or local_places is None:
        return counts, local_places, [link]
    store = RedisStore(url, settings.client_requests)
    places = RedisPlaces(local_places, store, link, reactor)
    return counts, places, [link, places]


def _places(limit: int | None, directory: Path | None) -> Places | None:
    if limit is None:
        return None
    return SharedPlaces(limit, directory / _PLACES_FILE) if directory else MemoryPlaces(limit)
