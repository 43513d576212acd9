from typing import Annotated

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from piecesd.dialects.fields import (
    NeededFor,
    Refused,
    Treatment,
    is_falsy,
    never,
    only,
    require_needed,
    treatments,
)
from piecesd.dialects.refusals import NO_AUDIO
from piecesd.errors import MissingParameter

REFUSED = Refused(never, NO_AUDIO)


class Part(msgspec.Struct):
    type: Annotated[str, Treatment.HONOURED]
    text: Annotated[
        Annotated[str, msgspec.Meta(max_length=9)] | None,
        NeededFor("type", ("text", "both")),
        Treatment.PASSED_ON,
    ] = None
    sound: Annotated[str | None, REFUSED] = None


class FieldTests(SynchronousTestCase):
    def test_a_treatment_is_found_wherever_it_stands_among_the_annotations(self) -> None:
        self.assertEqual(
            treatments(Part),
            {"type": Treatment.HONOURED, "text": Treatment.PASSED_ON, "sound": REFUSED},
        )

    def test_what_a_kind_needs_is_missed_by_its_path(self) -> None:
        for kind in ("text", "both"):
            error = self.assertRaises(MissingParameter, require_needed, Part(kind), "parts[0].")
            self.assertEqual(error.param, "parts[0].text")

    def test_nothing_is_missed_by_other_kinds_or_where_it_is_there(self) -> None:
        require_needed(Part("sound"), "parts[0].")
        require_needed(Part("text", ""), "parts[0].")


class HarmlessTests(SynchronousTestCase):
    def test_what_asks_for_nothing_is_what_is_listed(self) -> None:
        for harmless in (only("none", 1), never, is_falsy):
            for value in harmless.values:
                self.assertTrue(harmless(value))
            for value in ("all", 2, [1], {"a": 1}):
                self.assertFalse(harmless(value), value)
