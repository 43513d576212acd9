import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.tokens.slices import _LETTER, SLICE_CHARS, closed_slices, slices, stretches
from tests.hypothesis_profiles import examples
from tests.tokens.reference import (
    ENCODING_NAMES,
    PATHOLOGICAL,
    any_text,
    usual_text,
    whole_text_counter,
)


class SafeCutTests(SynchronousTestCase):
    @examples(1500)
    @given(any_text)
    def test_counts_add_up_at_every_safe_cut(self, text: str) -> None:
        for name in ENCODING_NAMES:
            count = whole_text_counter(name)
            self.assertEqual(sum(map(count, stretches(text))), count(text))

    def test_letters_are_letters_in_any_normal_form(self) -> None:
        for letter in filter(re.compile(f"[{_LETTER}]").match, map(chr, range(0x20000))):
            self.assertEqual(unicodedata.category(letter)[0], "L", ascii(letter))
            self.assertEqual(unicodedata.normalize("NFKC", letter), letter, ascii(letter))

    def test_prose_code_and_encoded_data_have_short_stretches(self) -> None:
        for text, longest in (
            ("It's a test; isn't it?", 6),
            ("今天的天气很好，我们去公园。", 7),
            ("if(x1>=y2){z[3]+=4;}", 4),
            ("c241737df24b4e7f", 8),
            ("['один','два']", 6),
        ):
            self.assertLessEqual(max(map(len, stretches(text))), longest)


class SlicesTests(SynchronousTestCase):
    @given(usual_text | st.sampled_from(PATHOLOGICAL).map(lambda run: run * 1000))
    def test_nothing_is_lost_and_no_slice_is_too_long(self, text: str) -> None:
        parts = list(slices(text))
        self.assertEqual("".join(parts), text)
        self.assertTrue(all(0 < len(part) <= SLICE_CHARS for part in parts))

    @given(usual_text)
    def test_a_slice_in_stretches_is_whole(self, text: str) -> None:
        for part in slices(text):
            self.assertEqual("".join(stretches(part)), part)

    def test_slices_of_usual_text_are_long(self) -> None:
        """Each costs a call."""
        self.assertLess(len(list(slices("The quick brown fox. " * 1000))), 21_000 / 240)

    def test_a_run_without_a_safe_cut_is_cut_by_force(self) -> None:
        self.assertEqual([len(part) for part in slices("x" * 600)], [SLICE_CHARS, SLICE_CHARS, 88])


class ClosedSlicesTests(SynchronousTestCase):
    @given(usual_text, usual_text)
    def test_further_text_moves_no_cut_that_was_closed(self, text: str, more: str) -> None:
        """In the end the same stretches are counted, however the text arrived."""
        settled = "".join(closed_slices(text))
        self.assertTrue(text.startswith(settled))
        parts = [*closed_slices(text), *slices(text[len(settled) :] + more)]
        self.assertEqual(self.cuts(parts), self.cuts(list(slices(text + more))))

    @given(usual_text)
    def test_only_the_last_stretch_is_open(self, text: str) -> None:
        settled = "".join(closed_slices(text))
        self.assertLessEqual(len(list(stretches(text[len(settled) :]))), 1)
        self.assertLessEqual(len(text) - len(settled), SLICE_CHARS)

    def test_no_cut_is_forced_where_the_next_character_may_make_one_safe(self) -> None:
        """An apostrophe begins a contraction or it does not."""
        word = "a" * (SLICE_CHARS - 1)
        self.assertEqual(list(closed_slices(f"{word}'")), [])
        self.assertEqual(list(closed_slices(f"{word}'.")), [word])
        self.assertEqual(list(closed_slices(f"{word}'s")), [f"{word}'"])

    def cuts(self, parts: list[str]) -> list[str]:
        return [stretch for part in parts for stretch in stretches(part)]
