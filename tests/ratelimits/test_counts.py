from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.ratelimits.counts import LocalCounts
from piecesd.ratelimits.policy import Admission, RateLimit
from piecesd.ratelimits.storage import TableStorage
from piecesd.ratelimits.tally import Tally
from piecesd.shared.tables import SqliteTable
from tests.ratelimits.support import clock_at, memory_tally, recorded_messages

MINUTE = RateLimit(name="requests", amount=2, window_seconds=60)
TOKENS = RateLimit(name="tokens", amount=5, window_seconds=60)


class LocalCountsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = clock_at()
        self.memory = memory_tally(self.clock)
        self.path = Path(self.mktemp(), "rates")
        table = SqliteTable(self.path, self.clock.seconds)
        self.addCleanup(table.close)
        self.counts = LocalCounts(
            self.memory, Tally(TableStorage(table, self.clock.seconds), self.clock.seconds)
        )
        self.messages = recorded_messages(self)

    def take(self, counts: LocalCounts) -> Admission:
        coroutine = counts.take("me", (MINUTE,), TOKENS)
        with self.assertRaises(StopIteration) as stopped:
            coroutine.send(None)  # it never waits
        admission = stopped.exception.value
        assert isinstance(admission, Admission)
        return admission

    def remaining(self, counts: LocalCounts) -> int:
        standing = self.take(counts).requests
        assert standing is not None
        return standing.remaining

    def test_one_process_counts_in_memory(self) -> None:
        counts = LocalCounts(self.memory, None)
        self.assertEqual([self.remaining(counts), self.remaining(counts)], [1, 0])
        self.assertIsNotNone(self.take(counts).refused_by)
        counts.spend("you", TOKENS, 6)
        self.assertIsNotNone(self.memory.take("you", (), TOKENS).refused_by)

    def test_several_count_in_the_file(self) -> None:
        self.path.parent.mkdir(parents=True)
        self.assertEqual(self.remaining(self.counts), 1)
        self.counts.spend("me", TOKENS, 6)
        self.assertIsNotNone(self.take(self.counts).refused_by)
        self.assertIsNone(self.take(LocalCounts(self.memory, None)).refused_by)
        self.assertEqual(self.messages, [])

    def test_while_the_file_fails_they_count_in_memory_and_say_so_once(self) -> None:
        self.assertEqual([self.remaining(self.counts), self.remaining(self.counts)], [1, 0])
        self.counts.spend("me", TOKENS, 6)
        self.assertIsNotNone(self.take(self.counts).refused_by)
        self.assertEqual(len(self.messages), 1)
        self.assertIn("by each worker for itself", self.messages[0])
        self.path.parent.mkdir(parents=True)
        self.assertEqual([self.remaining(self.counts), self.remaining(self.counts)], [1, 0])
        self.assertEqual(self.messages[1:], ["Rate limits are counted over all workers again"])
