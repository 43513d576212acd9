from twisted.internet.defer import Deferred

from piecesd.chat import ChatEvent, Delta, Finished, Message, Usage
from piecesd.completion.joined import JoinedCompletions
from piecesd.errors import ContextLengthExceeded, ShuttingDown, UpstreamRefused
from tests.completion.support import CompletionCase, chat


class JoinedCompletionsTests(CompletionCase):
    def join(self, *texts: str, choices: int = 1) -> JoinedCompletions:
        first, *others = ((Message(role="user", text=text),) for text in texts)
        request = chat("", messages=first, further_conversations=tuple(others), choices=choices)
        joined = self.completions.begin(request, request_id="r1")
        assert isinstance(joined, JoinedCompletions)
        self.addCleanup(joined.cancel)
        return joined

    def test_every_conversation_is_continued_and_all_tokens_are_counted(self) -> None:
        joined = self.join("one", "two", choices=2)
        turn = Deferred.fromCoroutine(joined.answer())
        asked = [reply.asked.request.messages[0].text for reply in self.gpt.replies]
        self.assertEqual(asked, ["one", "one", "two", "two"])
        for reply, text in zip(self.gpt.replies, "abcd", strict=True):
            reply.deferred.callback(text)
        answer = self.successResultOf(turn)
        self.assertEqual([choice.text for choice in answer.choices], list("abcd"))
        self.assertEqual(answer.usage, Usage(input_tokens=16, output_tokens=4))
        self.assertEqual(joined.figures.usage, answer.usage)
        self.assertEqual(joined.figures.pieces, 4)

    def test_their_choices_are_numbered_on_in_a_stream(self) -> None:
        joined = self.join("one", "two")
        turn = Deferred.fromCoroutine(joined.next_events())
        first, second = self.gpt.streams
        second.arrive("b")
        events: list[ChatEvent] = [*self.successResultOf(turn)]
        self.assertEqual(events, [Delta(1, "b")])
        first.arrive("a")
        first.finish()
        second.finish()
        while batch := self.successResultOf(Deferred.fromCoroutine(joined.next_events())):
            events += batch
        self.assertEqual(events[-1], Usage(input_tokens=16, output_tokens=2))
        self.assertIn(Delta(0, "a"), events)
        self.assertIn(Finished(0, "stop"), events)
        self.assertIn(Finished(1, "stop"), events)

    def test_the_first_failure_ends_all(self) -> None:
        for streamed in (False, True):
            joined = self.join("one", "two")
            step = joined.next_events() if streamed else joined.answer()
            turn = Deferred.fromCoroutine(step)
            if streamed:
                self.gpt.streams[0].fail(UpstreamRefused(detail="no"))
                other = self.gpt.streams[1].cancelled
            else:
                self.gpt.replies[0].deferred.errback(UpstreamRefused(detail="no"))
                other = self.gpt.replies[1].cancelled
            self.failureResultOf(turn, UpstreamRefused)
            self.assertTrue(other)

    def test_each_input_has_the_models_limit(self) -> None:
        joined = self.join("one", "word " * 9000)
        turn = Deferred.fromCoroutine(joined.answer())
        self.failureResultOf(turn, ContextLengthExceeded)

    def test_a_cancel_ends_all(self) -> None:
        joined = self.join("one", "two")
        turn = Deferred.fromCoroutine(joined.next_events())
        joined.cancel(ShuttingDown())
        self.failureResultOf(turn, ShuttingDown)
        self.assertTrue(all(stream.cancelled for stream in self.gpt.streams))

    def test_the_inputs_are_counted_together(self) -> None:
        tokens = Deferred.fromCoroutine(self.join("one", "two").input_tokens())
        self.assertEqual(self.successResultOf(tokens), 16)
