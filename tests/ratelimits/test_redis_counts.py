from twisted.internet.defer import CancelledError, Deferred

from piecesd.ratelimits.counts import LocalCounts
from piecesd.ratelimits.policy import Admission, RateLimit
from piecesd.ratelimits.redis_counts import RedisCounts
from tests.ratelimits.far_redis import FarRedisCase
from tests.ratelimits.support import memory_tally

MINUTE = RateLimit(name="requests", amount=2, window_seconds=60)
TOKENS = RateLimit(name="tokens", amount=5, window_seconds=60)


class RedisCountsTests(FarRedisCase):
    """The shared counts are a tally in memory."""

    def setUp(self) -> None:
        super().setUp()
        self.shared, self.memory = memory_tally(self.clock), memory_tally(self.clock)
        self.counts = self.made()

    def made(self) -> RedisCounts:
        return RedisCounts(self.shared, LocalCounts(self.memory, None), self.link)

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

    def test_what_it_was_asked_when_it_went_is_counted_here(self) -> None:
        takings = [self.take() for _ in range(5)]
        self.counts.spend("me", TOKENS, 6)
        self.refuse()
        refused = [self.successResultOf(each).refused_by is not None for each in takings]
        self.assertEqual(refused, [False, False, True, True, True])
        self.assertIsNotNone(self.memory.take("me", (), TOKENS).refused_by)

    def test_a_client_that_leaves_is_no_outage(self) -> None:
        taking = self.take()
        taking.cancel()
        self.failureResultOf(taking, CancelledError)
        self.assertEqual((self.messages, self.link.is_usable), ([], True))

    def test_until_it_has_answered_for_the_first_time_nobody_waits_for_it(self) -> None:
        self.link.stopService()
        self.link = self.started()
        self.counts = self.made()
        self.assertEqual(self.remaining(self.take()), 1)
        self.refuse()
        self.assertEqual(self.remaining(self.take()), 0)

    def test_after_the_end_tokens_are_counted_here(self) -> None:
        self.link.stopService()
        self.counts.spend("me", TOKENS, 6)
        self.assertEqual(self.asked, [])
        self.assertIsNotNone(self.memory.take("me", (), TOKENS).refused_by)
