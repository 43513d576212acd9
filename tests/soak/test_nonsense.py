"""The bad input of a soak."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from soak.nonsense import CORPUS, SMUGGLED, random_nonsense


class NonsenseTests(SynchronousTestCase):
    def test_a_seed_gives_the_same_again(self) -> None:
        first, second = Random(7), Random(7)
        for _ in range(50):
            self.assertEqual(random_nonsense(first, "a"), random_nonsense(second, "a"))

    def test_all_of_the_table_has_its_turn_with_its_status(self) -> None:
        random = Random(7)
        some = [random_nonsense(random, "a") for _ in range(3_000)]
        found = {each.data: each.status for each in some if each.status is not None}
        self.assertEqual(found, {case.data: case.statuses[0] for case in CORPUS})

    def test_only_what_stands_in_the_table_can_be_smuggled(self) -> None:
        random = Random(7)
        for nonsense in (random_nonsense(random, "a") for _ in range(3_000)):
            if nonsense.status is None:
                self.assertNotIn(SMUGGLED.encode(), nonsense.data)
