from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.workers.turns import Turns


class TurnsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.workers = [Turns(self.path, number, 3) for number in range(3)]

    def turns(self) -> list[bool]:
        return [each.is_mine() for each in self.workers]

    def test_at_first_it_is_anybodys(self) -> None:
        self.assertEqual(self.turns(), [True, True, True])

    def test_the_next_is_for_those_with_the_fewest(self) -> None:
        for worker, count in zip(self.workers, (2, 1, 1), strict=True):
            worker.add_connections(count)
        self.assertEqual(self.turns(), [False, True, True])

    def test_connections_of_all_ports_add_up_and_go_again(self) -> None:
        first, second, _ = self.workers
        for change in (1, 1, -1):
            first.add_connections(change)
        second.add_connections(1)
        self.assertEqual(self.turns(), [False, False, True])
        first.add_connections(-1)
        self.assertEqual(self.turns(), [True, False, True])

    def test_a_new_worker_has_none_whatever_the_one_before_it_had(self) -> None:
        old, other, third = self.workers
        old.add_connections(7)
        other.add_connections(1)
        third.add_connections(1)
        self.assertTrue(Turns(self.path, 0, 3).is_mine())
        self.assertFalse(other.is_mine())

    def test_one_that_has_left_tells_nothing_any_more(self) -> None:
        old, other, third = self.workers
        other.add_connections(2)
        third.add_connections(2)
        new = Turns(self.path, 0, 3)
        old.add_connections(9)  # both serve for a moment
        old.leave()
        self.assertTrue(new.is_mine())
        old.add_connections(-1)
        self.assertFalse(other.is_mine())
