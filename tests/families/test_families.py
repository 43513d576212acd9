"""The table of families."""

from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from piecesd.catalog import FamilyName
from piecesd.families import FAMILIES


class FamiliesTests(SynchronousTestCase):
    def test_every_family_that_the_catalogue_may_name_is_there(self) -> None:
        self.assertEqual(set(FAMILIES), set(get_args(FamilyName)))
