from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.workers.turns import Turns


class TurnsTests(SynchronousTestCase):
    def setUp(self) -> None:
        path = Path(self.mktemp())
        self.workers = [Turns(path, number, 3) for number in range(3)]

    def turns(self) -> list[bool]:
        return [each.is_mine() for each in self.workers]

    def test_at_first_it_is_anybodys(self) -> None:
        self.assertEqual(self.turns(), [True, True, True])

    def test_the_next_is_for_those_with_the_fewest(self) -> None:
        for worker, count in zip(self.workers, (2, 1, 1), strict=True):
            worker.set_connections(count)
        self.assertEqual(self.turns(), [False, True, True])

    def test_a_new_worker_has_none_whatever_the_one_before_it_had(self) -> None:
        path = Path(self.mktemp())
        old, other = Turns(path, 0, 2), Turns(path, 1, 2)
        old.set_connections(7)
        other.set_connections(1)
        self.assertTrue(Turns(path, 0, 2).is_mine())
        self.assertFalse(other.is_mine())
