import threading
from collections.abc import Callable, Iterable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.tokens import Encoding, encoding, is_loaded, is_quick, load, quick_chars
from piecesd.tokens.encoding import GivenUp
from piecesd.tokens.slices import SLICE_CHARS
from tests.hypothesis_profiles import examples
from tests.tokens.reference import (
    ENCODING_NAMES,
    PATHOLOGICAL,
    divided,
    growing_text,
    usual_text,
    whole_text_counter,
)


class CountTests(SynchronousTestCase):
    @examples(300)
    @given(usual_text)
    def test_a_text_counts_as_if_encoded_whole(self, text: str) -> None:
        for name in ENCODING_NAMES:
            self.assertEqual(load(name).count(text), whole_text_counter(name)(text))

    def test_the_examples_of_the_cookbook_count_as_it_says(self) -> None:
        for text, cl100k_tokens, o200k_tokens in (
            ("antidisestablishmentarianism", 6, 6),
            ("2 + 2 = 4", 7, 7),
            ("お誕生日おめでとう", 9, 8),
        ):
            self.assertEqual(load("cl100k_base").count(text), cl100k_tokens)
            self.assertEqual(load("o200k_base").count(text), o200k_tokens)

    def test_no_text_has_no_tokens(self) -> None:
        for name in ENCODING_NAMES:
            self.assertEqual(load(name).count(""), 0)

    def test_special_tokens_in_a_text_are_text(self) -> None:
        for name in ENCODING_NAMES:
            for text in ("<|endoftext|>", "<|endofprompt|>", "<EOT>", "<META_START>"):
                self.assertGreater(load(name).count(text), 1)

    def test_lone_surrogates_are_counted(self) -> None:
        """JSON can spell them; UTF-8 can't."""
        for name in ENCODING_NAMES:
            self.assertGreaterEqual(load(name).count("a \ud83d b"), 3)

    def test_no_call_of_a_library_gets_more_than_a_slice(self) -> None:
        """However a megabyte looks, the time of each call is bounded."""
        for run in PATHOLOGICAL:
            text = run * (1_000_000 // len(run))
            handed_over: list[int] = []

            def count_slice(part: str, handed_over: list[int] = handed_over) -> int:
                handed_over.append(len(part))
                return 1

            Encoding("claude", count_slice).count(text)
            self.assertEqual(sum(handed_over), len(text))
            self.assertLessEqual(max(handed_over), SLICE_CHARS)

    def test_runs_are_counted_about_right_where_cut_by_force(self) -> None:
        for name in ENCODING_NAMES:
            for run in ("a", "好", "😀", "-"):
                text = run * 2000
                whole = whole_text_counter(name)(text)
                self.assertApproximates(load(name).count(text), whole, 1 + whole // 10)


def count_in_pieces(encoding: Encoding, pieces: Iterable[str]) -> int:
    """The count of a text that is counted after each piece of it."""
    tokens, rest = 0, ""
    for piece in pieces:
        closed_tokens, rest = encoding.count_closed(rest + piece)
        tokens += closed_tokens
    return tokens + encoding.count(rest)


class CountClosedTests(SynchronousTestCase):
    @examples(150)
    @given(growing_text, st.lists(st.integers(1, 400), min_size=1, max_size=5))
    def test_any_pieces_count_as_the_whole_text(self, text: str, sizes: list[int]) -> None:
        for name in ENCODING_NAMES:
            encoding = load(name)
            self.assertEqual(count_in_pieces(encoding, divided(text, sizes)), encoding.count(text))

    def test_long_runs_in_pieces_count_as_the_whole_run(self) -> None:
        for name in ENCODING_NAMES:
            for run in PATHOLOGICAL:
                text = run * (10_000 // len(run))
                self.assertEqual(
                    count_in_pieces(load(name), divided(text, [1000])), load(name).count(text)
                )

    def test_no_more_than_a_slice_is_left(self) -> None:
        for run in PATHOLOGICAL:
            _, rest = Encoding("claude", len).count_closed(run * 10_000)
            self.assertLessEqual(len(rest), SLICE_CHARS)

    def test_what_nobody_wants_to_know_is_not_counted(self) -> None:
        encoding = Encoding("claude", len).until(lambda: True)
        self.assertRaises(GivenUp, encoding.count_closed, "word " * 100)


class LoadTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(encoding, "_loaded", {})

    def patch_counter(self, counter: Callable[[], Callable[[str], int]]) -> None:
        self.patch(encoding, "_claude_counter", counter)

    def test_an_encoding_is_loaded_at_its_first_use(self) -> None:
        self.patch_counter(lambda: len)
        self.assertFalse(is_loaded("claude"))
        self.assertIs(load("claude"), load("claude"))
        self.assertTrue(is_loaded("claude"))
        self.assertFalse(is_loaded("o200k_base"))

    def test_two_threads_that_ask_at_once_load_once(self) -> None:
        loading, go_on = threading.Event(), threading.Event()
        loads: list[None] = []
        results: list[Encoding] = []

        def counter() -> Callable[[str], int]:
            loads.append(None)
            loading.set()
            go_on.wait(5)
            return len

        self.patch_counter(counter)
        threads = [
            threading.Thread(target=lambda: results.append(load("claude"))) for _ in range(2)
        ]
        threads[0].start()
        loading.wait(5)
        threads[1].start()
        threads[1].join(0.05)
        go_on.set()
        for thread in threads:
            thread.join(5)
        self.assertEqual(len(loads), 1)
        self.assertEqual(len(set(map(id, results))), 1)
        self.assertEqual(len(results), 2)

    def test_a_failed_load_is_tried_again(self) -> None:
        def counter() -> Callable[[str], int]:
            raise OSError("gone")

        self.patch_counter(counter)
        self.assertRaises(OSError, load, "claude")
        self.patch_counter(lambda: len)
        self.assertEqual(load("claude").count("abc"), 3)

    def test_only_short_text_in_a_loaded_encoding_is_quick(self) -> None:
        self.patch_counter(lambda: len)
        self.assertFalse(is_quick("claude", 10))
        load("claude")
        self.assertTrue(is_quick("claude", 10))
        self.assertTrue(is_quick("claude", quick_chars("claude")))
        self.assertFalse(is_quick("claude", quick_chars("claude") + 1))
