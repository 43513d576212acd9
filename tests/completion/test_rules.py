"""The token limit and the stops together."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.completion.rules import TextRules
from piecesd.tokens import TokenLimit, load

ENCODING = load("cl100k_base")


def rules(max_tokens: int | None = None, *stop: str) -> TextRules:
    limit = None if max_tokens is None else TokenLimit(ENCODING, max_tokens)
    return TextRules(limit, stop)


def run(text_rules: TextRules, pieces: list[str]) -> tuple[str, str | None]:
    """The text that goes out, and why it ended."""
    passed = ""
    for piece in pieces:
        passed += text_rules.feed(piece)
        if text_rules.reason is not None:
            return passed, text_rules.reason
    return passed + text_rules.finish(), text_rules.reason


class TextRulesTests(SynchronousTestCase):
    def test_without_rules_all_passes(self) -> None:
        self.assertEqual(run(rules(), ["a", "", "b"]), ("ab", "stop"))

    def test_a_stop_within_the_limit_is_met(self) -> None:
        self.assertEqual(run(rules(10, "END"), ["one END two"]), ("one ", "stop"))

    def test_a_stop_that_ends_after_the_limit_is_not_met(self) -> None:
        passed, reason = run(rules(2, " b c"), [" a b c d e"])
        self.assertEqual((passed, reason), (" a b", "length"))

    def test_text_that_exactly_fits_the_limit_ends_by_itself(self) -> None:
        self.assertEqual(run(rules(3), [" a", " b", " c"]), (" a b c", "stop"))

    def test_a_last_word_over_the_limit_is_a_cut(self) -> None:
        self.assertEqual(run(rules(2), [" a", " b", " c"]), (" a b", "length"))

    def test_a_batch_passes_as_its_pieces_do(self) -> None:
        pieces = ["one ", "", "E", "ND two", " three"]
        self.assertEqual(rules().feed_all(pieces), ["one ", "E", "ND two", " three"])
        stopped = rules(None, "END")
        self.assertEqual((stopped.feed_all(pieces), stopped.reason), (["one "], "stop"))

    @given(
        st.text(alphabet="ab E.\n", max_size=40),
        st.lists(st.integers(0, 40), max_size=6),
        st.integers(1, 12),
        st.lists(st.text(alphabet="ab E", min_size=1, max_size=3), max_size=2),
    )
    def test_the_same_for_any_chunking(
        self, text: str, cuts: list[int], max_tokens: int, stop: list[str]
    ) -> None:
        bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
        pieces = [text[a:b] for a, b in pairwise(bounds)]
        whole = run(rules(max_tokens, *stop), [text])
        self.assertEqual(run(rules(max_tokens, *stop), pieces), whole)
        self.assertTrue(text.startswith(whole[0]))
