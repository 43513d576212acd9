from pathlib import Path

from limits.errors import StorageError
from twisted.trial.unittest import SynchronousTestCase

from piecesd.ratelimits.policy import Admission, RateLimit
from piecesd.ratelimits.storage import TableStorage
from piecesd.ratelimits.tally import Tally
from piecesd.shared.tables import SqliteTable
from tests.ratelimits.support import clock_at, memory_tally

MINUTE = RateLimit(name="requests", amount=5, window_seconds=60)
BURST = RateLimit(name="burst", amount=2, window_seconds=1)
TOKENS = RateLimit(name="tokens", amount=100, window_seconds=60)


def remaining(admission: Admission) -> int:
    assert admission.requests is not None
    return admission.requests.remaining


class RequestTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = clock_at()
        self.tally = memory_tally(self.clock)

    def test_so_many_are_let_through_and_then_none(self) -> None:
        admissions = [self.tally.take("me", (MINUTE,), None) for _ in range(5)]
        self.assertEqual(list(map(remaining, admissions)), [4, 3, 2, 1, 0])
        self.assertEqual([each.refused_by for each in admissions], [None] * 5)
        refused = self.tally.take("me", (MINUTE,), None).refused_by
        assert refused is not None
        self.assertEqual((refused.limit, refused.remaining), (MINUTE, 0))
        self.assertEqual(refused.free_in_seconds, 60.0)

    def test_others_are_counted_for_themselves(self) -> None:
        for _ in range(6):
            self.tally.take("me", (MINUTE,), None)
        self.assertEqual(remaining(self.tally.take("you", (MINUTE,), None)), 4)

    def test_it_goes_on_when_it_said_it_would(self) -> None:
        for _ in range(5):
            self.tally.take("me", (MINUTE,), None)
            self.clock.advance(7)
        refused = self.tally.take("me", (MINUTE,), None).refused_by
        assert refused is not None
        self.clock.advance(refused.free_in_seconds - 0.01)
        self.assertIsNotNone(self.tally.take("me", (MINUTE,), None).refused_by)
        self.clock.advance(0.02)
        self.assertIsNone(self.tally.take("me", (MINUTE,), None).refused_by)

    def test_no_sliding_minute_sees_much_more_than_the_limit(self) -> None:
        """A fixed window would let twice as many through around its end."""
        admitted = []
        for _ in range(600):
            if self.tally.take("me", (MINUTE,), None).refused_by is None:
                admitted.append(self.clock.seconds())
            self.clock.advance(0.5)
        most = max(sum(at <= each < at + 60 for each in admitted) for at in admitted)
        self.assertLessEqual(most, MINUTE.amount + 2)
        self.assertGreaterEqual(len(admitted), 5 * MINUTE.amount - 2)

    def test_the_limit_nearest_to_its_end_is_told(self) -> None:
        admission = self.tally.take("me", (MINUTE, BURST), None)
        assert admission.requests is not None
        self.assertEqual((admission.requests.limit, admission.requests.remaining), (BURST, 1))

    def test_what_one_limit_refuses_does_not_count_for_the_others(self) -> None:
        for _ in range(10):
            self.tally.take("me", (MINUTE, BURST), None)
        self.clock.advance(3)
        self.assertEqual(remaining(self.tally.take("me", (MINUTE,), None)), 2)

    def test_limits_of_the_same_size_are_counted_apart(self) -> None:
        other = RateLimit(name="strict", amount=5, window_seconds=60)
        self.tally.take("me", (MINUTE,), None)
        self.assertEqual(remaining(self.tally.take("me", (other,), None)), 4)


class TokenTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = clock_at()
        self.tally = memory_tally(self.clock)

    def test_they_may_be_overdrawn_once_and_then_nothing_passes_until_the_window_ends(self) -> None:
        self.tally.spend("me", TOKENS, 99)
        self.assertIsNone(self.tally.take("me", (MINUTE,), TOKENS).refused_by)
        self.clock.advance(10)
        self.tally.spend("me", TOKENS, 500)
        admission = self.tally.take("me", (MINUTE,), TOKENS)
        assert admission.refused_by is not None
        assert admission.tokens is not None
        self.assertEqual(admission.refused_by.limit, TOKENS)
        self.assertEqual(admission.tokens.free_in_seconds, 50.0)
        self.assertEqual(remaining(admission), 4, "the refused one was not counted")
        self.clock.advance(50)
        self.assertIsNone(self.tally.take("me", (), TOKENS).refused_by)


class SharedTests(SynchronousTestCase):
    def tally(self, path: Path) -> Tally:
        clock = clock_at()
        table = SqliteTable(path, clock.seconds)
        self.addCleanup(table.close)
        return Tally(TableStorage(table, clock.seconds), clock.seconds)

    def test_workers_that_share_a_file_let_through_as_many_as_one(self) -> None:
        path = Path(self.mktemp())
        workers = [self.tally(path) for _ in range(3)]
        admitted = [
            worker.take("me", (MINUTE,), None).refused_by is None
            for _ in range(4)
            for worker in workers
        ]
        self.assertEqual(admitted, [True] * 5 + [False] * 7)

    def test_a_file_that_can_not_be_used_is_an_error_of_the_storage(self) -> None:
        tally = self.tally(Path(self.mktemp(), "missing", "rates"))
        for call in (lambda: tally.take("me", (MINUTE,), TOKENS), tally.probe):
            self.assertRaises(StorageError, call)
