from twisted.trial.unittest import SynchronousTestCase

from piecesd.ratelimits.storage import TableStorage
from piecesd.shared.tables import MemoryTable
from tests.ratelimits.support import START_SECONDS, clock_at


class StorageTests(SynchronousTestCase):
    """What the library asks of a storage, on our tables."""

    def setUp(self) -> None:
        self.clock = clock_at()
        self.storage = TableStorage(MemoryTable(self.clock.seconds), self.clock.seconds)

    def test_a_fixed_window_begins_with_the_first_that_is_counted(self) -> None:
        self.assertEqual(self.storage.get_expiry("k"), START_SECONDS)
        self.storage.incr("k", 60)
        self.clock.advance(5)
        self.assertEqual(self.storage.incr("k", 60, 4), 5)
        self.assertEqual((self.storage.get("k"), self.storage.get_expiry("k")), (5, 1_700_000_100))

    def test_a_sliding_window_moves_on(self) -> None:
        for _ in range(3):
            self.assertTrue(self.storage.acquire_sliding_window_entry("k", 3, 60))
        self.assertFalse(self.storage.acquire_sliding_window_entry("k", 3, 60))
        self.assertEqual(self.storage.get_sliding_window("k", 60), (0, 60.0, 3, 120.0))
        self.clock.advance(75)
        self.assertEqual(self.storage.get_sliding_window("k", 60), (3, 45.0, 0, 105.0))
        self.assertTrue(self.storage.acquire_sliding_window_entry("k", 3, 60))
        self.assertFalse(self.storage.acquire_sliding_window_entry("k", 3, 60))
        self.clock.advance(120)
        self.assertEqual(self.storage.get_sliding_window("k", 60)[0], 0)

    def test_what_is_counted_can_be_forgotten(self) -> None:
        self.storage.incr("k", 60)
        self.storage.acquire_sliding_window_entry("w", 3, 60)
        self.storage.clear("k")
        self.storage.clear_sliding_window("w", 60)
        self.assertEqual((self.storage.get("k"), self.storage.reset()), (0, 0))
        self.assertTrue(self.storage.check())
