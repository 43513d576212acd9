import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.tokens import upper_bound
from piecesd.tokens.bounds import _STEADY, LONG_TEXT_CHARS
from tests.tokens.reference import (
    ENCODING_NAMES,
    any_text,
    usual_text,
    whole_text_counter,
)

SURROGATES = range(0xD800, 0xE000)
HANGUL_SYLLABLES = range(0xAC00, 0xD7A4)


def size_bytes(text: str) -> int:
    return len(text.encode())


class UpperBoundTests(SynchronousTestCase):
    @given(any_text | usual_text)
    def test_no_text_has_more_tokens(self, text: str) -> None:
        for name in ENCODING_NAMES:
            self.assertLessEqual(whole_text_counter(name)(text), upper_bound(name, text))

    def test_every_character_is_bounded_in_its_decomposed_form(self) -> None:
        """The part of the proof that rests on Unicode's data."""
        for code_point in range(0x110000):
            if code_point in SURROGATES:
                continue
            character = chr(code_point)
            if code_point in HANGUL_SYLLABLES:
                normal = character
            else:
                normal = unicodedata.normalize("NFKD", character)
            self.assertLessEqual(size_bytes(normal), upper_bound("claude", character))

    def test_composing_never_lengthens(self) -> None:
        """The other part: NFKC is NFKD with pairs composed."""
        for code_point in range(0x110000):
            decomposition = unicodedata.decomposition(chr(code_point))
            if decomposition and not decomposition.startswith("<"):
                pair = "".join(chr(int(part, 16)) for part in decomposition.split())
                if unicodedata.normalize("NFC", pair) == chr(code_point):
                    self.assertLessEqual(size_bytes(chr(code_point)), size_bytes(pair))

    @given(st.lists(any_text))
    def test_the_bounds_of_parts_bound_the_whole(self, parts: list[str]) -> None:
        text = "".join(parts)
        for name in ENCODING_NAMES:
            self.assertGreaterEqual(
                sum(upper_bound(name, part) for part in parts), whole_text_counter(name)(text)
            )

    def test_text_of_many_scripts_is_bounded_by_its_bytes(self) -> None:
        for text in ("naive", "数千个字，都很短。", "много слов", "안녕", "👍", "“so” – it is…"):
            self.assertIsNotNone(_STEADY.fullmatch(text), text)
            for name in ENCODING_NAMES:
                self.assertEqual(upper_bound(name, text), size_bytes(text))

    def test_a_long_text_is_bounded_by_its_length(self) -> None:
        for character in "ﷺ😀好":
            text = character * (LONG_TEXT_CHARS + 1)
            decomposed = unicodedata.normalize("NFKD", text)
            self.assertGreaterEqual(upper_bound("claude", text), size_bytes(decomposed))
            self.assertGreaterEqual(upper_bound("o200k_base", text), size_bytes(text))

    def test_a_lone_surrogate_is_bounded_too(self) -> None:
        for name in ENCODING_NAMES:
            self.assertGreaterEqual(upper_bound(name, "\ud800"), 3)
