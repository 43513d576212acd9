"""That a text costs the same counted while it grows, and what is held meanwhile."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from piecesd.completion.counting import TokenCounts
from piecesd.completion.text_count import MAX_WAITING_CHARS, TextCount
from piecesd.tokens import EncodingName, load, quick_chars
from tests.completion.support import StoppedThread
from tests.hypothesis_profiles import examples
from tests.tokens.reference import (
    ENCODING_NAMES,
    PATHOLOGICAL,
    divided,
    growing_text,
)

LONG = "word " * 2_000


class TextCountCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.thread = StoppedThread()
        self.settled: list[tuple[int, int]] = []

    def begin(self, name: EncodingName = "cl100k_base") -> TextCount:
        load(name)

        def settle(chars: int, tokens: int) -> None:
            self.settled.append((chars, tokens))

        return TextCount(TokenCounts(self.thread.run), name, settle)

    def keep_up(self, text: TextCount) -> Deferred[None]:
        return Deferred.fromCoroutine(text.keep_up())

    def total(self, text: TextCount, name: EncodingName = "cl100k_base") -> int:
        """The count of the whole, once the thread has done all it was given."""
        while not self.thread.is_idle:
            self.thread.step()
        return load(name).count(text.take_rest()) + text.tokens


class EveryTextTests(TextCountCase):
    @examples(50)
    @given(
        growing_text,
        st.lists(st.integers(1, 3000), min_size=1, max_size=5),
        st.integers(1, 20),
        st.integers(1, 4),
    )
    def test_it_costs_the_same_whole_or_counted_while_it_grows(
        self, text: str, sizes: list[int], repeats: int, steps_to_count: int
    ) -> None:
        """However it is divided, and however far behind the thread is."""
        text *= repeats
        for name in ENCODING_NAMES:
            growing = self.begin(name)
            for number, piece in enumerate(divided(text, sizes)):
                growing.add([piece])
                if growing.is_due:
                    self.keep_up(growing)
                if number % steps_to_count == 0 and not self.thread.is_idle:
                    self.thread.step()
            self.assertEqual(self.total(growing, name), load(name).count(text))

    def test_a_long_run_costs_the_same_and_is_not_kept(self) -> None:
        for name in ENCODING_NAMES:
            for run in PATHOLOGICAL:
                text = run * (20_000 // len(run))
                growing = self.begin(name)
                for piece in divided(text, [1000]):
                    growing.add([piece])
                    if growing.is_due:
                        self.keep_up(growing)
                    while not self.thread.is_idle:
                        self.thread.step()
                    self.assertLess(growing.rest_chars, quick_chars(name))
                self.assertEqual(self.total(growing, name), load(name).count(text))

    def test_a_megabyte_of_one_letter_or_of_blanks_costs_the_same(self) -> None:
        for run in ("a", " "):
            text = run * 1_000_000
            growing = self.begin()
            for piece in divided(text, [50_000]):
                growing.add([piece])
                self.keep_up(growing)
                self.thread.step()
            self.assertEqual(self.total(growing), load("cl100k_base").count(text))

    @given(growing_text, growing_text)
    def test_what_it_says_is_settled_stays_so_whatever_follows(self, text: str, more: str) -> None:
        for name in ENCODING_NAMES:
            self.settled.clear()
            growing = self.begin(name)
            growing.add([text])
            self.keep_up(growing)
            self.total(growing)
            [(chars, tokens)] = self.settled
            count = load(name).count
            self.assertEqual(tokens, count(text[:chars]))
            self.assertEqual(tokens + count(text[chars:] + more), count(text + more))


class KeepUpTests(TextCountCase):
    def test_a_short_text_is_not_looked_at_before_the_end(self) -> None:
        text = self.begin()
        text.add(["one", " two"])
        self.assertFalse(text.is_due)
        self.assertEqual((text.tokens, text.take_rest()), (0, "one two"))

    def test_what_is_quick_is_counted_at_once(self) -> None:
        text = self.begin()
        text.add(["word "] * 300)
        self.assertTrue(text.is_due)
        self.successResultOf(self.keep_up(text))
        self.assertFalse(text.is_counting)
        self.assertEqual((text.tokens, text.take_rest()), (300, " "))

    def test_what_is_long_is_counted_in_the_thread_while_more_comes(self) -> None:
        text = self.begin()
        text.add([LONG])
        self.successResultOf(self.keep_up(text))
        self.assertTrue(text.is_counting)
        text.add(["more"])
        waiting = Deferred.fromCoroutine(text.wait())
        self.assertNoResult(waiting)
        self.thread.step()
        self.successResultOf(waiting)
        self.assertFalse(text.is_counting)
        self.assertEqual((text.tokens, text.take_rest()), (2_000, " more"))

    def test_it_waits_while_too_much_waits_to_be_counted(self) -> None:
        text = self.begin()
        text.add([LONG])
        self.successResultOf(self.keep_up(text))
        text.add(["x" * MAX_WAITING_CHARS])
        self.successResultOf(self.keep_up(text))
        text.add(["y"])
        waiting = self.keep_up(text)
        self.assertNoResult(waiting)
        self.thread.step()
        self.successResultOf(waiting)
        self.assertTrue(text.is_counting, "the next of it is counted now")
        self.assertEqual(text.rest_chars, 0)

    def test_a_failure_is_heard_of_at_the_next_wait(self) -> None:
        text = TextCount(TokenCounts(self.thread.run), "cl100k_base")
        text.add([LONG])
        self.patch(text._counts, "work", lambda *_: self.thread.run(lambda: 1 // 0))
        self.successResultOf(self.keep_up(text))
        self.thread.step()
        self.failureResultOf(Deferred.fromCoroutine(text.wait()), ZeroDivisionError)


class CancelTests(TextCountCase):
    def test_a_cancel_frees_what_is_held_and_the_thread(self) -> None:
        text = self.begin()
        text.add([LONG])
        self.successResultOf(self.keep_up(text))
        text.add([LONG])
        text.cancel()
        text.cancel()
        self.assertEqual(text.rest_chars, 0)
        self.thread.step()
        self.assertEqual((text.tokens, self.settled), (0, []))

    def test_who_waits_is_told(self) -> None:
        text = self.begin()
        text.add([LONG])
        self.successResultOf(self.keep_up(text))
        waiting = Deferred.fromCoroutine(text.wait())
        text.cancel()
        self.failureResultOf(waiting, CancelledError)
