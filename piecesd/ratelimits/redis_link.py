"""A Redis that may be away: asked on threads, left alone while it does not answer."""

from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import urlsplit

from redis.backoff import NoBackoff
from redis.retry import Retry
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

WAIT_SECONDS = 0.25
"""How long a request waits for the Redis, before it is counted here."""

PROBE_SECONDS = 1.0

InThread = Callable[..., Deferred[Any]]
"""Calls a function with arguments on a worker thread, for its result."""


def redis_options() -> dict[str, Any]:
    """How to connect: each step on the wire is bounded by `WAIT_SECONDS` and
    tried once, so that no thread is held for long by a Redis that is away."""
    return {
        "socket_timeout": WAIT_SECONDS,
        "socket_connect_timeout": WAIT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }


class RedisAway(Exception):
    """The Redis has not answered. The log says so; there is nothing to add."""


class RedisLink(Service):
    """Whether the Redis is there, and the way to it.

    It is trusted once ``probe`` has succeeded. The first failure of any kind
    has it left alone; it is then probed every second. Each turn is logged once.

    :param probe: writes something, on a thread; raises where that fails.
    :param threads: where the Redis is asked, started and stopped here.
    :param place: what the log calls the Redis; no password is in it.
    """

    _log: ClassVar = Logger()

    def __init__(
        self,
        probe: Callable[[], None],
        *,
        in_thread: InThread,
        threads: ThreadPool,
        place: str,
        clock: IReactorTime,
    ) -> None:
        self._probe_there = probe
        self._in_thread = in_thread
        self._threads = threads
        self._place = place
        self._clock = clock
        self._away: bool | None = None  # not known yet
        self._next_probe: IDelayedCall | None = None
        self._on_return: list[Callable[[], None]] = []

    @property
    def is_usable(self) -> bool:
        """Whether there is a point in asking."""
        return self._away is False and bool(self.running)

    def on_return(self, call: Callable[[], None]) -> None:
        """Have ``call`` called whenever the Redis has come, or come back."""
        self._on_return.append(call)

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

    def ask(self, call: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """Call on a thread. The Deferred fails with RedisAway where the call
        fails, or takes longer than `WAIT_SECONDS`."""
        asking = self._in_thread(call, *arguments).addTimeout(WAIT_SECONDS, self._clock)
        return asking.addErrback(self._not_answered)

    def _not_answered(self, failure: Failure) -> Failure:
        if failure.check(CancelledError):  # nobody waits for it any more
            return failure
        self._lose(failure.getErrorMessage() or type(failure.value).__name__)
        raise RedisAway

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
        asking = self._in_thread(self._probe_there).addTimeout(PROBE_SECONDS, self._clock)
        asking.addCallbacks(self._found, self._not_found)

    def _found(self, _: object) -> None:
        again = " again" if self._away else ""
        self._away = False
        self._log.info(
            "Redis at {place} counts the rate limits{again}", place=self._place, again=again
        )
        for call in self._on_return:
            call()

    def _not_found(self, failure: Failure) -> None:
        if self._away:
            self._probe_later()
        else:
            self._lose(failure.getErrorMessage())


def shown_place(url: str) -> str:
    """Host and port of a URL."""
    return urlsplit(url).netloc.rpartition("@")[2]
