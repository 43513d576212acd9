from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.tokens import Encoding, EncodingName, TokenLimit, load
from piecesd.tokens.slices import SLICE_CHARS
from tests.hypothesis_profiles import examples
from tests.tokens.reference import (
    ENCODING_NAMES,
    any_text,
    divided,
    growing_text,
    usual_text,
)

short_text = (any_text | usual_text).map(lambda text: text[:300])
encoding_names = st.sampled_from(ENCODING_NAMES)


def run(encoding: Encoding, max_tokens: int, pieces: list[str]) -> tuple[str, bool]:
    """What of the pieces passes, and whether the limit ended it."""
    limit = TokenLimit(encoding, max_tokens)
    passed = "".join(map(limit.feed, pieces))
    limit.end()
    return passed, limit.reached


def longest_fitting_beginning(encoding: Encoding, max_tokens: int, text: str) -> str:
    return next(
        text[:end] for end in range(len(text), -1, -1) if encoding.count(text[:end]) <= max_tokens
    )


class TokenLimitTests(SynchronousTestCase):
    @examples(300)
    @given(encoding_names, short_text, st.integers(0, 60), st.lists(st.integers(1, 40), min_size=1))
    def test_the_longest_beginning_that_fits_passes_for_any_chunking(
        self, name: EncodingName, text: str, max_tokens: int, sizes: list[int]
    ) -> None:
        encoding = load(name)
        fitting = longest_fitting_beginning(encoding, max_tokens, text)
        self.assertEqual(
            run(encoding, max_tokens, divided(text, sizes)), (fitting, fitting != text)
        )

    @given(encoding_names, st.lists(any_text | usual_text))
    def test_text_under_the_limit_passes_at_once_and_whole(
        self, name: EncodingName, pieces: list[str]
    ) -> None:
        encoding = load(name)
        counts = [encoding.count("".join(pieces[: n + 1])) for n in range(len(pieces))]
        limit = TokenLimit(encoding, max(counts, default=0))
        self.assertEqual([limit.feed(piece) for piece in pieces], pieces)
        limit.end()
        self.assertFalse(limit.reached)

    def test_a_word_in_two_pieces_costs_what_the_word_costs(self) -> None:
        encoding = load("cl100k_base")
        self.assertEqual(encoding.count("internationa"), 3)
        self.assertEqual(encoding.count("international"), 1)
        limit = TokenLimit(encoding, 1)
        self.assertEqual(limit.feed("internationa"), "intern")
        self.assertEqual(limit.feed("l"), "ational")
        limit.end()
        self.assertFalse(limit.reached)

    def test_the_limit_is_reached_when_no_further_text_can_change_it(self) -> None:
        limit = TokenLimit(load("cl100k_base"), 2)
        self.assertEqual(limit.feed("one two"), "one two")
        self.assertFalse(limit.reached)
        self.assertEqual(limit.feed(" three"), "")
        self.assertFalse(limit.reached)
        self.assertEqual(limit.feed(" four"), "")
        self.assertTrue(limit.reached)
        self.assertEqual(limit.feed(" five"), "")

    def test_an_answer_that_ends_with_text_withheld_was_ended_by_the_limit(self) -> None:
        limit = TokenLimit(load("cl100k_base"), 1)
        self.assertEqual(limit.feed("one two"), "one")
        limit.end()
        self.assertTrue(limit.reached)

    def test_a_character_of_many_tokens_passes_whole_or_not_at_all(self) -> None:
        encoding = load("cl100k_base")
        self.assertEqual(encoding.count("🦀"), 3)
        self.assertEqual(run(encoding, 2, ["🦀"]), ("", True))
        self.assertEqual(run(encoding, 3, ["🦀"]), ("🦀", False))


class SkipTests(SynchronousTestCase):
    """Beside somebody who counts what has passed."""

    def run_counted(
        self, encoding: Encoding, max_tokens: int, pieces: list[str], due_chars: int
    ) -> tuple[str, bool]:
        limit = TokenLimit(encoding, max_tokens)
        passed = uncounted = ""
        counted_chars = counted_tokens = 0
        for piece in pieces:
            passed_now = limit.feed(piece)
            passed += passed_now
            uncounted += passed_now
            if len(uncounted) >= due_chars:
                tokens, rest = load(encoding.name).count_closed(uncounted)
                counted_chars += len(uncounted) - len(rest)
                counted_tokens += tokens
                uncounted = rest
                limit.skip(counted_chars, counted_tokens)
        limit.end()
        return passed, limit.reached

    @examples(150)
    @given(
        encoding_names,
        growing_text,
        st.integers(0, 600),
        st.lists(st.integers(1, 200), min_size=1),
        st.integers(0, 500),
    )
    def test_the_same_passes_whatever_is_counted_elsewhere(
        self, name: EncodingName, text: str, max_tokens: int, sizes: list[int], due_chars: int
    ) -> None:
        pieces = divided(text, sizes)
        self.assertEqual(
            self.run_counted(load(name), max_tokens, pieces, due_chars),
            run(load(name), max_tokens, pieces),
        )

    def test_only_what_comes_near_the_limit_is_counted_here_too(self) -> None:
        counted = 0

        def count_slice(part: str) -> int:
            nonlocal counted
            counted += len(part)
            return load("cl100k_base").count(part)

        text = "The quick brown fox jumps over the lazy dog. " * 2000
        pieces = divided(text, [5])
        passed, reached = self.run_counted(
            Encoding("cl100k_base", count_slice), 10_000, pieces, due_chars=1024
        )
        self.assertTrue(reached)
        self.assertEqual(load("cl100k_base").count(passed), 10_000)
        self.assertLess(counted, 5 * 1024)


class TokenLimitCostTests(SynchronousTestCase):
    """Measured in characters handed to the tokenizer."""

    def cost(self, name: EncodingName, text: str, piece_chars: int, max_tokens: int) -> int:
        """What is counted of ``text`` until the limit is reached or it ends."""
        counted = 0

        def count_slice(part: str) -> int:
            nonlocal counted
            counted += len(part)
            return load(name).count(part)

        limit = TokenLimit(Encoding(name, count_slice), max_tokens)
        for piece in divided(text, [piece_chars]):
            limit.feed(piece)
            if limit.reached:
                break
        return counted

    def test_nothing_is_counted_while_the_bytes_are_under_the_limit(self) -> None:
        self.assertEqual(self.cost("claude", "word " * 100, 5, 500), 0)

    def test_prose_is_counted_little_more_than_once(self) -> None:
        text = "The quick brown fox jumps over the lazy dog. " * 400
        for name in ENCODING_NAMES:
            for piece_chars in (1, 4, len(text)):
                counted = self.cost(name, text, piece_chars, max_tokens=3000)
                self.assertLess(counted, 1.3 * len(text))

    def test_runs_without_a_safe_cut_cost_bounded_time(self) -> None:
        for run_of, max_tokens in (("a", 1000), (" ", 150), ("好", 4000), ("😀", 5000)):
            text = run_of * 10_000
            for piece_chars in (1, 300):
                counted = self.cost("cl100k_base", text, piece_chars, max_tokens)
                pieces = len(text) / piece_chars
                search_for_the_cut = SLICE_CHARS**2 / 2
                self.assertLess(counted, 2 * len(text) + pieces * SLICE_CHARS + search_for_the_cut)
