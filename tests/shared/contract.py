"""What every table keeps; tests/shared/test_tables.py runs it against each."""

from twisted.trial.unittest import SynchronousTestCase

from piecesd.shared.tables import Table
from tests.ratelimits.support import clock_at


class TableContract(SynchronousTestCase):
    """A case for a table inherits the tests."""

    def setUp(self) -> None:
        self.clock = clock_at()

    def make(self, **options: int) -> Table:
        """A new one; it may be called several times."""
        raise NotImplementedError

    def count(self) -> int:
        """The rows there are, of the tables made."""
        raise NotImplementedError

    def expires_in(self, seconds: float) -> float:
        return self.clock.seconds() + seconds

    def test_counts_add_up_until_they_expire(self) -> None:
        table = self.make()
        until = self.expires_in(60)
        self.assertEqual(table.get("a"), (0, 0.0))
        self.assertEqual(table.add("a", 2, until), 2)
        self.clock.advance(59)
        self.assertEqual(table.add("a", 3, self.expires_in(60)), 5)
        self.assertEqual(table.get("a"), (5, until))
        self.clock.advance(1)
        self.assertEqual(table.get("a"), (0, 0.0))
        self.assertEqual(table.add("a", 1, self.expires_in(60)), 1)

    def test_keys_are_apart_and_can_be_forgotten(self) -> None:
        table = self.make()
        for key in ("a", "b", "c"):
            table.add(key, 1, self.expires_in(60))
        table.remove("a")
        self.assertEqual([table.get(key)[0] for key in "abc"], [0, 1, 1])
        self.assertEqual(table.clear(), 2)
        self.assertEqual(table.get("b"), (0, 0.0))

    def test_what_has_expired_goes_away_as_others_come(self) -> None:
        table = self.make()
        for number in range(100):
            table.add(f"old {number}", 1, self.expires_in(60))
        table.add("active", 1, self.expires_in(600))
        self.clock.advance(61)
        for number in range(100):
            table.add(f"new {number}", 1, self.expires_in(60))
        self.assertEqual(self.count(), 101)
        self.assertEqual(table.get("active")[0], 1)

    def test_one_that_is_always_there_does_not_keep_the_others(self) -> None:
        table = self.make()
        for minute in range(5):
            for key in ("x", "y", "z"):
                table.add(key, 1, self.expires_in(60))
            for number in range(20):
                table.add(f"{minute} {number}", 1, self.expires_in(60))
            self.clock.advance(61)
        self.assertLess(self.count(), 60)

    def test_strangers_do_not_make_it_grow_past_its_bound(self) -> None:
        table = self.make(max_rows=50)
        for number in range(200):
            table.add(f"{number}", 1, self.expires_in(60))
        self.assertLessEqual(self.count(), 50)
        self.assertEqual(table.get("199")[0], 1, "the youngest stay")
