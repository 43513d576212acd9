"""Where tokens are counted, and that counting ends with the wish for it."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from piecesd import tokens
from piecesd.completion.counting import TokenCounts, drop
from piecesd.tokens import Encoding
from tests.completion.support import StoppedThread

LONG = "word " * 2_000


class TokenCountsTests(SynchronousTestCase):
    def setUp(self) -> None:
        tokens.load("cl100k_base")
        self.thread = StoppedThread()
        self.counts = TokenCounts(self.thread.run)
        self.counted: list[int] = []

    def count(self, text: str, size: int) -> Deferred[int]:
        def work(encoding: Encoding) -> int:
            self.counted.append(encoding.count(text))
            return self.counted[-1]

        return self.counts.work("cl100k_base", size, work)

    def test_a_short_text_is_counted_at_once(self) -> None:
        self.assertEqual(self.successResultOf(self.count("one two", 7)), 2)

    def test_a_long_text_is_counted_in_the_thread(self) -> None:
        counting = self.count(LONG, len(LONG))
        self.assertNoResult(counting)
        self.thread.step()
        self.assertEqual(self.successResultOf(counting), 2_001)

    def test_what_nobody_waits_for_any_more_is_not_counted(self) -> None:
        counting = self.count(LONG, len(LONG))
        counting.cancel()
        self.failureResultOf(counting, CancelledError)
        self.thread.step()
        self.assertEqual(self.counted, [])

    def test_a_count_that_is_given_up_half_way_ends_there(self) -> None:
        def work(encoding: Encoding) -> int:
            self.counted.append(encoding.count("one"))
            counting.cancel()
            self.counted.append(encoding.count("two"))
            return 0

        counting = self.counts.work("cl100k_base", len(LONG), work)
        self.thread.step()
        self.failureResultOf(counting, CancelledError)
        self.assertEqual(self.counted, [1])

    def test_what_is_dropped_is_not_counted_and_its_failure_is_not_heard_of(self) -> None:
        counting = self.count(LONG, len(LONG))
        drop(counting)
        self.thread.step()
        self.assertEqual(self.counted, [])
        self.successResultOf(counting)
