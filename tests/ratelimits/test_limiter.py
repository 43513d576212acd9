from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from piecesd.errors import RateLimited, TokenRateLimited, TooManyAtOnce
from piecesd.ratelimits.counts import LocalCounts
from piecesd.ratelimits.limiter import RateLimiter
from piecesd.ratelimits.places import MemoryPlaces
from piecesd.ratelimits.policy import LimitSettings, RateLimit
from tests.ratelimits.support import clock_at, memory_tally

RATE = RateLimit(name="requests", amount=3, window_seconds=60)
STRICT = RateLimit(name="strict", amount=1, window_seconds=60)
TOKENS = RateLimit(name="tokens", amount=100, window_seconds=60)


class LimiterTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = clock_at()
        self.limit(requests=(RATE,), completions=(STRICT,), tokens=TOKENS, client_requests=2)

    def limit(self, **limits: object) -> None:
        settings = LimitSettings(**limits)  # type: ignore[arg-type]
        places = MemoryPlaces(settings.client_requests) if settings.client_requests else None
        counts = LocalCounts(memory_tally(self.clock), None)
        self.refused: list[str] = []
        self.limiter = RateLimiter(settings, counts, places, self.refused.append)

    def refusal(self, *, completion: bool) -> RateLimited | None:
        coroutine = self.limiter.admit("me", completion=completion)
        with self.assertRaises(StopIteration) as stopped:
            coroutine.send(None)
        return self.limiter.refusal(stopped.exception.value)

    def enter(self, client: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self.limiter.enter(client))

    def test_the_strict_limit_holds_for_completions_only(self) -> None:
        self.assertIsNone(self.refusal(completion=True))
        self.assertIsNotNone(self.refusal(completion=True))
        self.assertIsNone(self.refusal(completion=False))

    def test_the_general_one_holds_for_everything(self) -> None:
        self.assertIsNone(self.refusal(completion=True))
        for _ in range(2):
            self.assertIsNone(self.refusal(completion=False))
        self.assertIsNotNone(self.refusal(completion=False))

    def test_a_refusal_says_the_limit_and_when_to_ask_again(self) -> None:
        self.refusal(completion=True)
        self.clock.advance(9.5)
        refusal = self.refusal(completion=True)
        assert refusal is not None
        self.assertEqual((type(refusal), refusal.retry_after_seconds), (RateLimited, 51))
        self.assertIn("at most 1 requests in 60 seconds", refusal.message())
        self.assertIn("51", refusal.message("zh"))
        self.clock.advance(51)
        self.assertIsNone(self.refusal(completion=True))

    def test_tokens_hold_completions_up_and_nothing_else(self) -> None:
        self.limiter.spend("me", 100)
        refusal = self.refusal(completion=True)
        assert refusal is not None
        self.assertEqual((type(refusal), refusal.type), (TokenRateLimited, "tokens"))
        self.assertIsNone(self.refusal(completion=False))

    def test_so_many_requests_of_one_client_are_taken_at_a_time(self) -> None:
        for client in ("me", "me", "you"):
            self.successResultOf(self.enter(client))
        self.failureResultOf(self.enter("me"), TooManyAtOnce)
        self.limiter.leave("me")
        self.successResultOf(self.enter("me"))

    def test_each_refusal_is_counted_by_the_name_of_its_limit(self) -> None:
        for _ in range(2):
            self.refusal(completion=True)  # the second one is over the strict limit
        for _ in range(3):
            self.refusal(completion=False)
        self.limiter.spend("me", 100)
        self.refusal(completion=True)
        for _ in range(2):
            self.successResultOf(self.enter("me"))
        self.failureResultOf(self.enter("me"), TooManyAtOnce)
        self.assertEqual(self.refused, ["strict", "requests", "tokens", "concurrent"])

    def test_a_limit_that_is_not_set_costs_no_count(self) -> None:
        self.limit(client_requests=1)
        for _ in range(5):
            self.assertIsNone(self.refusal(completion=True))
        self.limiter.spend("me", 10**9)
        self.assertIsNone(self.refusal(completion=True))
