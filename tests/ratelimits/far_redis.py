"""A link to a Redis that answers when a test says so."""

from collections.abc import Callable
from typing import Any, cast

from limits.errors import StorageError
from twisted.internet.defer import Deferred
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase

from piecesd.ratelimits.redis_link import RedisLink
from tests.ratelimits.support import clock_at, recorded_messages

DOWN = StorageError(ConnectionError("refused"))


class Threads:
    """A pool that only says whether it runs."""

    started = False

    def start(self) -> None:
        self.started = True

    def stop(self) -> None:
        self.started = False


class FarRedisCase(SynchronousTestCase):
    """``link`` is to a Redis at db.example that has answered once, which has
    been logged and forgotten."""

    def setUp(self) -> None:
        self.clock = clock_at()
        self.asked: list[tuple[Deferred[Any], Callable[..., Any], tuple[Any, ...]]] = []
        self.threads = Threads()
        self.messages = recorded_messages(self)
        self.link = self.started()
        self.answer()
        self.assertEqual(self.messages, ["Redis at db.example:6379 counts the rate limits"])
        self.messages.clear()

    def started(self) -> RedisLink:
        """A new one, which has put its first question."""
        link = RedisLink(
            lambda: None,
            in_thread=self.ask,
            threads=cast(ThreadPool, self.threads),
            place="db.example:6379",
            clock=cast(Any, self.clock),
        )
        link.startService()
        self.addCleanup(link.stopService)
        return link

    def ask(self, call: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        result: Deferred[Any] = Deferred()
        self.asked.append((result, call, arguments))
        return result

    def answer(self) -> None:
        """Do what was asked so far; what is asked then waits."""
        asked, self.asked = self.asked, []
        for result, call, arguments in asked:
            result.callback(call(*arguments))

    def refuse(self) -> None:
        asked, self.asked = self.asked, []
        for result, _, _ in asked:
            result.errback(DOWN)
