from collections.abc import Callable
from typing import Any, cast

from limits.errors import StorageError
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase

from piecesd.ratelimits.counts import LocalCounts
from piecesd.ratelimits.policy import Admission, RateLimit
from piecesd.ratelimits.redis_counts import PROBE_SECONDS, WAIT_SECONDS, RedisCounts, shown_place
from tests.ratelimits.support import clock_at, memory_tally, recorded_messages

MINUTE = RateLimit(name="rate", amount=2, window_seconds=60)
TOKENS = RateLimit(name="tokens", amount=5, window_seconds=60)
DOWN = StorageError(ConnectionError("refused"))


class Threads:
    """A pool that only says whether it runs."""

    started = False

    def start(self) -> None:
        self.started = True

    def stop(self) -> None:
        self.started = False


class RedisCountsTests(SynchronousTestCase):
    """The shared counts are a tally in memory that answers when a test says so."""

    def setUp(self) -> None:
        self.clock = clock_at()
        self.shared, self.memory = memory_tally(self.clock), memory_tally(self.clock)
        self.asked: list[tuple[Deferred[Any], Callable[..., Any], tuple[Any, ...]]] = []
        self.threads = Threads()
        self.messages = recorded_messages(self)
        self.counts = self.started()
        self.answer()  # to its first question
        self.assertEqual(self.messages, ["Redis at db.example:6379 counts the rate limits"])
        self.messages.clear()

    def started(self) -> RedisCounts:
        """A new one, which has put its first question."""
        counts = RedisCounts(
            self.shared,
            LocalCounts(self.memory, None),
            in_thread=self.ask,
            threads=cast(ThreadPool, self.threads),
            place="db.example:6379",
            clock=cast(Any, self.clock),
        )
        counts.startService()
        self.addCleanup(counts.stopService)
        return counts

    def ask(self, call: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        result: Deferred[Any] = Deferred()
        self.asked.append((result, call, arguments))
        return result

    def answer(self) -> None:
        for result, call, arguments in self.asked:
            result.callback(call(*arguments))
        self.asked.clear()

    def refuse(self) -> None:
        asked, self.asked = self.asked, []
        for result, _, _ in asked:
            result.errback(DOWN)

    def take(self) -> Deferred[Admission]:
        return Deferred.fromCoroutine(self.counts.take("me", (MINUTE,), TOKENS))

    def remaining(self, taking: Deferred[Admission]) -> int:
        standing = self.successResultOf(taking).requests
        assert standing is not None
        return standing.remaining

    def test_what_redis_says_holds(self) -> None:
        taking = self.take()
        self.assertNoResult(taking)
        self.shared.take("me", (MINUTE,), None)  # by another daemon
        self.answer()
        self.assertEqual(self.remaining(taking), 0)
        self.counts.spend("me", TOKENS, 6)
        self.answer()
        self.assertIsNotNone(self.shared.take("me", (), TOKENS).refused_by)
        self.assertEqual(self.messages, [])

    def test_while_it_is_away_the_daemon_counts_for_itself_without_waiting(self) -> None:
        taking = self.take()
        self.refuse()
        self.assertEqual(self.remaining(taking), 1)
        self.assertEqual(self.remaining(self.take()), 0)
        self.counts.spend("me", TOKENS, 6)
        self.assertIsNotNone(self.memory.take("me", (), TOKENS).refused_by)
        self.assertEqual(self.asked, [])
        (message,) = self.messages
        self.assertIn("db.example:6379 does not answer (refused)", message)

    def test_a_slow_one_is_waited_for_a_bounded_time_and_its_late_answer_is_nobodys(self) -> None:
        taking = self.take()
        self.clock.advance(WAIT_SECONDS - 0.01)
        self.assertNoResult(taking)
        self.clock.advance(0.02)
        self.assertEqual(self.remaining(taking), 1)
        self.answer()
        self.assertEqual(len(self.messages), 1)

    def test_it_comes_back_by_itself_and_both_is_said_once(self) -> None:
        taking = self.take()
        self.refuse()
        self.successResultOf(taking)
        for _ in range(3):
            self.clock.advance(PROBE_SECONDS)
            self.refuse()
        self.clock.advance(PROBE_SECONDS)
        self.clock.advance(PROBE_SECONDS)  # a question that is not answered
        self.asked.clear()
        self.clock.advance(PROBE_SECONDS)
        self.answer()
        taking = self.take()
        self.answer()
        self.assertEqual(self.remaining(taking), 1)
        self.assertEqual(
            self.messages[1:], ["Redis at db.example:6379 counts the rate limits again"]
        )

    def test_many_requests_that_fail_at_once_are_one_outage(self) -> None:
        takings = [self.take() for _ in range(5)]
        self.counts.spend("me", TOKENS, 6)
        self.refuse()
        refused = [self.successResultOf(each).refused_by is not None for each in takings]
        self.assertEqual(refused, [False, False, True, True, True])
        self.assertIsNotNone(self.memory.take("me", (), TOKENS).refused_by)
        self.assertEqual(len(self.messages), 1)
        self.clock.advance(PROBE_SECONDS)
        self.assertEqual(len(self.asked), 1)

    def test_a_client_that_leaves_is_no_outage(self) -> None:
        taking = self.take()
        taking.cancel()
        self.failureResultOf(taking, CancelledError)
        self.assertEqual(self.messages, [])
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_until_it_has_answered_for_the_first_time_nobody_waits_for_it(self) -> None:
        self.counts.stopService()
        self.counts = self.started()
        self.assertEqual(self.remaining(self.take()), 1)
        self.refuse()
        self.assertIn("does not answer", self.messages[0])
        self.assertEqual(self.remaining(self.take()), 0)

    def test_nothing_is_asked_after_the_end(self) -> None:
        taking = self.take()
        self.refuse()
        self.successResultOf(taking)
        self.counts.stopService()
        self.assertFalse(self.threads.started)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.counts.spend("me", TOKENS, 6)
        self.assertEqual(self.asked, [])


class PlaceTests(SynchronousTestCase):
    def test_it_has_no_password(self) -> None:
        for url in ("redis://me:secret@db:6379/1", "redis://:s@cret@db:6379"):
            self.assertEqual(shown_place(url), "db:6379")
