"""Counts that many daemons share in a Redis."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from limits.storage import RedisStorage
from redis.backoff import NoBackoff
from redis.retry import Retry
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from piecesd.ratelimits.counts import Counts
from piecesd.ratelimits.policy import Admission, RateLimit
from piecesd.ratelimits.tally import Tally

WAIT_SECONDS = 0.25
"""How long a request waits for the Redis, before it is counted here."""

PROBE_SECONDS = 1.0

InThread = Callable[..., Deferred[Any]]
"""Calls a function with arguments on a worker thread, for its result."""


def redis_tally(url: str, seconds: Callable[[], float]) -> Tally:
    """A tally by the Redis at ``url``; it connects when it is first asked.

    Each step on the wire is bounded by `WAIT_SECONDS` and tried once, so that
    no thread is held for long by a Redis that is away.
    """
    options: Any = {
        "socket_timeout": WAIT_SECONDS,
        "socket_connect_timeout": WAIT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
    return Tally(RedisStorage(url, wrap_exceptions=True, **options), seconds)


class RedisCounts(Service):
    """Counts by ``shared``, and by ``local`` while that is away or slow.

    It is trusted once it has counted something. The first failure of any kind
    has it left alone; it is then asked every second. Each turn is logged once.

    :param threads: where ``shared`` is asked, started and stopped here.
    :param place: what the log calls the Redis; no password is in it.
    """

    _log: ClassVar = Logger()

    def __init__(
        self,
        shared: Tally,
        local: Counts,
        *,
        in_thread: InThread,
        threads: ThreadPool,
        place: str,
        clock: IReactorTime,
    ) -> None:
        self._shared = shared
        self._local = local
        self._in_thread = in_thread
        self._threads = threads
        self._place = place
        self._clock = clock
        self._away: bool | None = None  # not known yet
        self._next_probe: IDelayedCall | None = None

    # Service.

    def startService(self) -> None:
        super().startService()
        self._threads.start()
        self._probe()

    def stopService(self) -> None:
        """Stop the threads; each is free within `WAIT_SECONDS` or two."""
        super().stopService()
        if self._next_probe is not None and self._next_probe.active():
            self._next_probe.cancel()
        self._threads.stop()

    # Counts.

    async def take(
        self, who: str, limits: Sequence[RateLimit], tokens: RateLimit | None
    ) -> Admission:
        if self._away is False:
            try:
                admission: Admission = await self._ask(self._shared.take, who, limits, tokens)
            except CancelledError:
                raise
            except Exception as error:
                self._lose(str(error) or type(error).__name__)
            else:
                return admission
        return await self._local.take(who, limits, tokens)

    def spend(self, who: str, limit: RateLimit, amount: int) -> None:
        if self._away is not False or not self.running:
            self._local.spend(who, limit, amount)
            return

        def count_here(failure: Failure) -> None:
            self._lose(failure.getErrorMessage())
            self._local.spend(who, limit, amount)

        self._ask(self._shared.spend, who, limit, amount).addErrback(count_here)

    def _ask(self, call: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """Fails with TimeoutError after `WAIT_SECONDS`."""
        return self._in_thread(call, *arguments).addTimeout(WAIT_SECONDS, self._clock)

    def _lose(self, reason: str) -> None:
        if self._away:
            return
        self._away = True
        self._log.warn(
            "Redis at {place} does not answer ({reason}): rate limits are counted by this "
            "daemon alone until it does",
            place=self._place,
            reason=reason,
        )
        self._probe_later()

    def _probe_later(self) -> None:
        if self.running:
            self._next_probe = self._clock.callLater(PROBE_SECONDS, self._probe)

    def _probe(self) -> None:
        """Ask it, with nobody waiting for it; at a start all may be slow."""
        asking = self._in_thread(self._shared.probe).addTimeout(PROBE_SECONDS, self._clock)
        asking.addCallbacks(self._found, self._not_found)

    def _found(self, _: object) -> None:
        again = " again" if self._away else ""
        self._away = False
        self._log.info(
            "Redis at {place} counts the rate limits{again}", place=self._place, again=again
        )

    def _not_found(self, failure: Failure) -> None:
        if self._away:
            self._probe_later()
        else:
            self._lose(failure.getErrorMessage())


def shown_place(url: str) -> str:
    """Host and port of a URL."""
    return urlsplit(url).netloc.rpartition("@")[2]
