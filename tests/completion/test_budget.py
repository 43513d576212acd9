"""How many of the calls may be retries."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.completion.budget import ALWAYS_ALLOWED, WINDOW_SECONDS, RetryBudget


class RetryBudgetTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.budget = RetryBudget(20, self.clock.seconds)

    def calls(self, count: int) -> None:
        for _ in range(count):
            self.budget.count_call()

    def retries(self) -> int:
        """How many retries are let through now."""
        count = 0
        while self.budget.take():
            count += 1
        return count

    def test_a_quiet_daemon_may_retry(self) -> None:
        self.calls(1)
        self.assertEqual(self.retries(), ALWAYS_ALLOWED)

    def test_a_busy_daemon_retries_a_fifth_of_its_calls(self) -> None:
        self.calls(1000)
        self.assertEqual(self.retries(), 200)

    def test_only_what_is_recent_counts(self) -> None:
        self.calls(1000)
        self.retries()
        self.clock.advance(WINDOW_SECONDS)
        self.assertEqual(self.retries(), ALWAYS_ALLOWED)
