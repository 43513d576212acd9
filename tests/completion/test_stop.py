"""Stop sequences, whatever the pieces the text arrives in."""

from time import process_time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.completion.stop import StopMatcher

# Few letters, so that stops overlap, nest and nearly match all the time.
texts = st.text(alphabet="ab\n😀", max_size=40)
stop_tuples = st.lists(st.text(alphabet="ab\n😀", min_size=1, max_size=6), max_size=4).map(tuple)


@st.composite
def chunked(draw: st.DrawFn) -> list[str]:
    """A text in pieces, some of them empty."""
    return draw(st.lists(st.text(alphabet="ab\n😀", max_size=8), max_size=12))


def reference(text: str, stops: tuple[str, ...]) -> tuple[str, str | None]:
    """The rule in one line of thought: the text at the first place where it
    ends in a stop, less the longest such stop."""
    for end in range(1, len(text) + 1):
        ending = [stop for stop in stops if text[:end].endswith(stop)]
        if ending:
            longest = max(ending, key=len)
            return text[: end - len(longest)], longest
    return text, None


def outcome(pieces: list[str], stops: tuple[str, ...]) -> tuple[str, str | None]:
    matcher = StopMatcher(stops)
    passed = [matcher.feed(piece) for piece in pieces]
    return "".join(passed) + matcher.finish(), matcher.matched


class StopTests(SynchronousTestCase):
    def test_text_without_a_stop_passes_at_once(self) -> None:
        matcher = StopMatcher(("END",))
        self.assertEqual(matcher.feed("hello "), "hello ")
        self.assertEqual(matcher.feed("world"), "world")
        self.assertEqual(matcher.finish(), "")
        self.assertFalse(matcher.stopped)

    def test_the_text_ends_before_the_stop(self) -> None:
        matcher = StopMatcher(("END",))
        self.assertEqual(matcher.feed("one END two"), "one ")
        self.assertTrue(matcher.stopped)
        self.assertEqual(matcher.matched, "END")

    def test_nothing_comes_out_after_a_stop(self) -> None:
        matcher = StopMatcher(("END",))
        matcher.feed("END")
        self.assertEqual(matcher.feed("more E"), "")
        self.assertEqual(matcher.finish(), "")

    def test_a_stop_is_found_across_pieces(self) -> None:
        matcher = StopMatcher(("END",))
        self.assertEqual(matcher.feed("one E"), "one ")
        self.assertEqual(matcher.feed("N"), "")
        self.assertEqual(matcher.feed("D two"), "")
        self.assertEqual(matcher.matched, "END")

    def test_what_only_began_like_a_stop_is_passed_on(self) -> None:
        matcher = StopMatcher(("END",))
        self.assertEqual(matcher.feed("one EN"), "one ")
        self.assertEqual(matcher.feed("E"), "EN")
        self.assertEqual(matcher.feed("x"), "Ex")

    def test_what_was_held_back_comes_out_at_the_end(self) -> None:
        matcher = StopMatcher(("END",))
        self.assertEqual(matcher.feed("the EN"), "the ")
        self.assertEqual(matcher.finish(), "EN")
        self.assertFalse(matcher.stopped)

    def test_the_stop_that_completes_first_wins(self) -> None:
        self.assertEqual(outcome(["xabcdef"], ("abcdef", "cd")), ("xab", "cd"))

    def test_of_stops_that_complete_together_the_longest_wins(self) -> None:
        self.assertEqual(outcome(["x\n\nHuman:"], (":", "\n\nHuman:")), ("x", "\n\nHuman:"))

    def test_without_stops_everything_passes(self) -> None:
        self.assertEqual(outcome(["a", "", "b"], ()), ("ab", None))

    def test_characters_with_a_meaning_in_patterns_are_themselves(self) -> None:
        self.assertEqual(outcome(["a.b]c^d|"], ("]", "^", "|")), ("a.b", "]"))

    @given(chunked(), stop_tuples)
    def test_any_pieces_give_what_the_whole_text_gives(
        self, pieces: list[str], stops: tuple[str, ...]
    ) -> None:
        self.assertEqual(outcome(pieces, stops), reference("".join(pieces), stops))

    @given(chunked(), stop_tuples)
    def test_no_more_is_held_back_than_may_become_a_stop(
        self, pieces: list[str], stops: tuple[str, ...]
    ) -> None:
        matcher = StopMatcher(stops)
        seen, passed = "", ""
        for piece in pieces:
            seen += piece
            passed += matcher.feed(piece)
            if matcher.stopped:
                break
            beginnings = {stop[:length] for stop in stops for length in range(len(stop))}
            held_length = max((len(b) for b in beginnings if seen.endswith(b)), default=0)
            self.assertEqual(passed, seen[: len(seen) - held_length])

    def test_long_stops_that_nearly_match_cost_no_more_than_short_ones(self) -> None:
        """Every letter here keeps all of the stop but its last character matched."""

        def seconds(stop: str) -> float:
            matcher = StopMatcher((stop,))
            begun = process_time()
            for _ in range(100_000):
                matcher.feed("a")
            return process_time() - begun

        short = min(seconds("a" * 10 + "b") for _ in range(3))
        long = min(seconds("a" * 10_000 + "b") for _ in range(3))
        self.assertLess(long, short * 3)
