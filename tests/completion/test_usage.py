"""What is counted of a request, where and how often."""

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from piecesd.catalog import Catalog
from piecesd.chat import Message, Usage
from piecesd.completion.counting import TokenCounts
from piecesd.completion.usage import MESSAGE_CHARS, UsageCount
from piecesd.errors import ContextLengthExceeded
from piecesd.tokens import Encoding, EncodingName, load
from piecesd.tokens import encoding as loaded_encodings
from tests.completion.support import StoppedThread

T = TypeVar("T")

WORDS = "word " * 2_000


class RecordedCounts(TokenCounts):
    """Writes down how long the texts were that work was asked for."""

    def __init__(self, thread: StoppedThread) -> None:
        super().__init__(thread.run)
        self.sizes: list[int] = []

    def work(self, name: EncodingName, size: int, work: Callable[[Encoding], T]) -> Deferred[T]:
        self.sizes.append(size)
        return super().work(name, size, work)


class UsageCountTests(SynchronousTestCase):
    def setUp(self) -> None:
        load("cl100k_base")
        self.thread = StoppedThread()
        self.counts = RecordedCounts(self.thread)

    def begin(self, text: str) -> UsageCount:
        """For gpt-4, which takes 4,100 tokens."""
        return self.begin_with(Message(role="user", text=text))

    def begin_with(self, *messages: Message) -> UsageCount:
        model = Catalog.built_in().find("gpt-4")
        assert model is not None
        return UsageCount(self.counts, model, messages)

    def check(self, usage: UsageCount) -> Deferred[None]:
        return Deferred.fromCoroutine(usage.check_input())

    def usage(self, usage: UsageCount) -> Deferred[Usage]:
        return Deferred.fromCoroutine(usage.usage())

    def test_a_short_input_is_counted_with_the_answer(self) -> None:
        usage = self.begin("hi")
        self.successResultOf(self.check(usage))
        self.assertEqual(self.counts.sizes, [])
        usage.begin_text().add(["one", " two"])
        self.assertTrue(usage.is_quick)
        self.assertEqual(
            self.successResultOf(self.usage(usage)), Usage(input_tokens=8, output_tokens=2)
        )
        self.assertEqual(self.counts.sizes, [MESSAGE_CHARS + len("hi") + len("one two")])

    def test_what_a_message_has_beside_its_text_is_counted_in_the_thread_too(self) -> None:
        for messages in (
            [Message(role="user", text="hi", name="x" * 3000)],
            [Message(role="user", text="")] * 200,
        ):
            usage = self.begin_with(*messages)
            self.assertFalse(usage.is_quick)
            counting = self.usage(usage)
            self.assertNoResult(counting)
            self.thread.step()
            self.successResultOf(counting)

    def test_an_input_that_may_be_too_long_is_waited_for_and_counted_once(self) -> None:
        usage = self.begin(WORDS)
        checked = self.check(usage)
        self.assertNoResult(checked)
        self.thread.step()
        self.successResultOf(checked)
        self.assertTrue(usage.is_quick)
        self.assertEqual(
            self.successResultOf(self.usage(usage)), Usage(input_tokens=2_008, output_tokens=0)
        )
        self.assertEqual(self.counts.sizes, [MESSAGE_CHARS + len(WORDS), 0])

    def test_one_that_is_too_long_is_refused(self) -> None:
        checked = self.check(self.begin(WORDS * 3))
        self.thread.step()
        error = self.failureResultOf(checked, ContextLengthExceeded).value
        self.assertEqual((error.fields["limit"], error.fields["count"]), (4100, 6_008))

    def test_another_long_input_is_counted_while_the_answer_is_awaited(self) -> None:
        text = "word " * 600
        usage = self.begin(text)
        self.successResultOf(self.check(usage))
        self.assertFalse(usage.is_quick)
        self.thread.step()
        self.assertTrue(usage.is_quick)
        self.assertEqual(self.successResultOf(self.usage(usage)).input_tokens, 608)
        self.assertEqual(self.counts.sizes, [MESSAGE_CHARS + len(text), 0])

    def test_an_answer_that_is_whole_earlier_waits_for_that_count(self) -> None:
        usage = self.begin("word " * 600)
        self.successResultOf(self.check(usage))
        whole = self.usage(usage)
        self.assertNoResult(whole)
        self.thread.step()
        self.assertEqual(self.successResultOf(whole).input_tokens, 608)

    def test_who_asks_for_the_count_of_the_input_first_has_it_counted_once(self) -> None:
        text = "word " * 600
        usage = self.begin(text)
        asked = Deferred.fromCoroutine(usage.input_tokens())
        self.thread.step()
        self.assertEqual(self.successResultOf(asked), 608)
        self.successResultOf(self.check(usage))
        again = Deferred.fromCoroutine(usage.input_tokens())
        self.assertEqual(self.successResultOf(again), 608)
        self.assertEqual(self.successResultOf(self.usage(usage)).input_tokens, 608)
        self.assertEqual(self.counts.sizes, [MESSAGE_CHARS + len(text), 0])

    def test_an_input_over_the_limit_can_be_counted_and_one_far_over_it_can_not(self) -> None:
        for words, outcome in ((6_000, 6_008), (9_000, "more than 8200")):
            usage = self.begin("word " * words)
            asked = Deferred.fromCoroutine(usage.input_tokens())
            self.thread.step()
            if isinstance(outcome, int):
                self.assertEqual(self.successResultOf(asked), outcome)
            else:
                error = self.failureResultOf(asked, ContextLengthExceeded).value
                self.assertIn(outcome, str(error))

    def test_no_vocabulary_is_loaded_before_the_answer_has_come(self) -> None:
        self.patch(loaded_encodings, "_loaded", {})
        self.successResultOf(self.check(self.begin("word " * 600)))
        self.assertTrue(self.thread.is_idle)

    def test_every_text_counts_by_itself(self) -> None:
        usage = self.begin("hi")
        first, second = usage.begin_text(), usage.begin_text()
        first.add(["inter"])
        second.add(["national"])
        self.assertEqual(self.successResultOf(self.usage(usage)).output_tokens, 2)

    def test_what_was_counted_while_it_came_is_not_counted_again(self) -> None:
        usage = self.begin("hi")
        text = usage.begin_text()
        text.add([WORDS])
        self.successResultOf(Deferred.fromCoroutine(text.keep_up()))
        text.add(["more"])
        whole = self.usage(usage)
        self.assertFalse(usage.is_quick)
        self.assertNoResult(whole)
        self.thread.step()
        self.assertEqual(self.successResultOf(whole).output_tokens, 2_001)
        self.assertEqual(self.counts.sizes, [len(WORDS), MESSAGE_CHARS + len("hi" + " more")])

    def test_a_cancel_frees_the_thread(self) -> None:
        usage = self.begin("word " * 600)
        self.successResultOf(self.check(usage))
        usage.begin_text().add([WORDS])
        whole = self.usage(usage)
        usage.cancel()
        self.failureResultOf(whole, CancelledError)
        self.thread.step()
        self.assertTrue(self.thread.is_idle)
        self.assertEqual(self.counts.sizes, [MESSAGE_CHARS + 3_000])
