from ipaddress import ip_network
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.access.shared_violations import SPREAD_SECONDS, SharedCounts
from piecesd.access.violations import BanRules
from tests.ratelimits.support import clock_at, recorded_messages

RULES = BanRules(mode="single", threshold=3, window_seconds=60)
STRANGER = ip_network("192.0.2.7")


class SharedCountsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = clock_at()
        self.path = Path(self.mktemp())
        self.messages = recorded_messages(self)

    def counts(self) -> SharedCounts:
        """As each worker has them."""
        counts = SharedCounts(RULES, self.clock.seconds, self.path)
        self.addCleanup(counts.close)
        return counts

    def test_workers_count_together_and_each_client_for_itself(self) -> None:
        one, other = self.counts(), self.counts()
        self.assertEqual([one.add(STRANGER), other.add(STRANGER)], [1, 2])
        self.assertEqual(one.add(ip_network("192.0.2.8")), 1)
        self.assertEqual(one.add(STRANGER), 3)

    def test_what_a_worker_has_counted_outlives_it(self) -> None:
        one = self.counts()
        one.add(STRANGER)
        one.close()
        self.assertEqual(self.counts().add(STRANGER), 2)

    def test_old_violations_are_forgiven(self) -> None:
        one, other = self.counts(), self.counts()
        one.add(STRANGER)
        self.clock.advance(61)
        self.assertEqual(other.add(STRANGER), 1)

    def test_a_worker_that_has_not_heard_of_a_ban_goes_on_counting_for_a_short_time(self) -> None:
        one, other = self.counts(), self.counts()
        for _ in range(3):
            one.add(STRANGER)
        self.assertEqual([other.add(STRANGER), other.add(STRANGER)], [4, 5])
        self.clock.advance(SPREAD_SECONDS)
        self.assertEqual([other.add(STRANGER), one.add(STRANGER)], [1, 2])

    def test_while_the_file_fails_each_counts_for_itself_and_says_so_once(self) -> None:
        self.path = Path(self.mktemp(), "missing", "violations")
        one, other = self.counts(), self.counts()
        self.assertEqual([one.add(STRANGER), one.add(STRANGER)], [1, 2])
        self.assertEqual(other.add(STRANGER), 1)
        self.assertEqual(len(self.messages), 2)  # of two workers
        self.path.parent.mkdir(parents=True)
        self.assertEqual([one.add(STRANGER), other.add(STRANGER)], [1, 2])
        self.assertEqual(self.messages[2:], ["Violations are counted over all workers again"] * 2)
