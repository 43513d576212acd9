from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from piecesd.chat import (
    Answer,
    AnswerFormat,
    ChatEvent,
    ChatRequest,
    Delta,
    Finished,
    Message,
    Tool,
    ToolCall,
    ToolCallBegun,
    ToolCallDelta,
    ToolChoice,
    Usage,
)
from piecesd.completion.emulated import EmulatedCompletion
from piecesd.emulation.tools import block
from piecesd.errors import (
    InvalidValue,
    ShuttingDown,
    UnsupportedParameter,
    UpstreamBroken,
    UpstreamRefused,
)
from tests.completion.support import CompletionCase, chat

TOOLS = (Tool(name="add"),)
ADD = block("add", '{"a": 1}')
BROKEN = block("add", "{oops}")


class EmulatedCase(CompletionCase):
    def emulate(self, **fields: Any) -> EmulatedCompletion:
        completion = self.completions.begin(chat("hi", **fields), request_id="r1")
        assert isinstance(completion, EmulatedCompletion)
        self.addCleanup(completion.cancel)
        return completion

    def next(self, completion: EmulatedCompletion) -> Deferred[Sequence[ChatEvent]]:
        turn = Deferred.fromCoroutine(completion.next_events())
        self.addCleanup(turn.addErrback, lambda _failure: None)
        return turn

    def rest(self, completion: EmulatedCompletion) -> list[ChatEvent]:
        """All events to the end, which must be there."""
        events: list[ChatEvent] = []
        while batch := self.successResultOf(self.next(completion)):
            events += batch
        return events


class StreamedTests(EmulatedCase):
    def test_text_streams_and_calls_follow_it(self) -> None:
        completion = self.emulate(tools=TOOLS)
        turn = self.next(completion)
        (stream,) = self.gpt.streams
        self.assertIn('"name": "add"', stream.asked.request.messages[0].text)
        stream.arrive("Let me ", "see.\n<tool_")
        self.assertEqual(self.successResultOf(turn), [Delta(0, "Let me"), Delta(0, " see.")])
        stream.arrive(ADD.removeprefix("<tool_"))
        stream.finish()
        begun, arguments, end, usage = self.rest(completion)
        assert isinstance(begun, ToolCallBegun) and isinstance(usage, Usage)
        self.assertEqual((begun.index, begun.name), (0, "add"))
        self.assertTrue(begun.id.startswith("call_"))
        self.assertEqual(arguments, ToolCallDelta(0, 0, '{"a": 1}'))
        self.assertEqual(end, Finished(0, "tool_calls"))
        self.assertEqual(completion.figures.usage, usage)
        self.assertEqual(self.gpt.replies, [])

    def test_a_model_that_writes_a_result_itself_is_stopped(self) -> None:
        completion = self.emulate(tools=TOOLS)
        turn = self.next(completion)
        self.gpt.streams[0].arrive(ADD, "\n<tool_result>\n2")
        events = [*self.successResultOf(turn), *self.rest(completion)]
        self.assertTrue(self.gpt.streams[0].cancelled)
        self.assertEqual(events[2], Finished(0, "tool_calls"))

    def test_a_broken_call_is_asked_for_once_more_and_all_tokens_are_counted(self) -> None:
        completion = self.emulate(tools=TOOLS)
        turn = self.next(completion)
        self.gpt.streams[0].arrive("Well.", BROKEN)
        self.gpt.streams[0].finish()
        self.assertEqual(self.successResultOf(turn), [Delta(0, "Well.")])
        turn = self.next(completion)
        self.assertNoResult(turn)
        (reply,) = self.gpt.replies
        said, asked = reply.asked.request.messages[-2:]
        self.assertEqual((said.role, said.text), ("assistant", f"Well.{BROKEN}"))
        self.assertEqual(asked.role, "user")
        reply.deferred.callback(ADD)
        begun, _, end, usage = self.successResultOf(turn)
        assert isinstance(begun, ToolCallBegun) and isinstance(usage, Usage)
        self.assertEqual(end, Finished(0, "tool_calls"))
        self.assertGreater(usage.input_tokens, 2 * 80)
        self.assertEqual(completion.figures.usage, usage)
        self.assertEqual(self.successResultOf(self.next(completion)), ())

    def test_where_the_second_call_fails_or_is_no_better_the_reply_is_text(self) -> None:
        for outcome in (BROKEN, UpstreamRefused(detail="no")):
            self.gpt.replies.clear()
            completion = self.emulate(tools=TOOLS)
            turn = self.next(completion)
            stream = self.gpt.streams[-1]
            stream.arrive(BROKEN)
            stream.finish()
            (reply,) = self.gpt.replies
            if isinstance(outcome, str):
                reply.deferred.callback(outcome)
            else:
                reply.deferred.errback(outcome)
            events = self.successResultOf(turn)
            self.assertEqual(events[:2], [Delta(0, BROKEN), Finished(0, "stop")])

    def test_each_choice_has_calls_of_its_own(self) -> None:
        completion = self.emulate(tools=TOOLS, choices=2)
        turn = self.next(completion)
        for stream in self.gpt.streams:
            stream.arrive(ADD)
            stream.finish()
        events = [*self.successResultOf(turn), *self.rest(completion)]
        calls = [event for event in events if isinstance(event, ToolCallBegun)]
        self.assertEqual(sorted(call.choice for call in calls), [0, 1])
        self.assertEqual(len({call.id for call in calls}), 2)

    def test_a_stream_that_breaks_is_broken(self) -> None:
        completion = self.emulate(tools=TOOLS)
        turn = self.next(completion)
        self.gpt.streams[0].arrive("a")
        self.successResultOf(turn)
        self.gpt.streams[0].fail(UpstreamBroken(detail="cut"))
        self.failureResultOf(self.next(completion), UpstreamBroken)

    def test_a_format_is_checked_before_anything_comes_out(self) -> None:
        completion = self.emulate(answer_format=AnswerFormat(schema='{"required": ["a"]}'))
        turn = self.next(completion)
        self.gpt.streams[0].arrive("Here: ", '{"a"', ": 1}")
        self.assertNoResult(turn)
        self.gpt.streams[0].finish()
        self.assertEqual(
            self.successResultOf(turn)[:2], [Delta(0, '{"a": 1}'), Finished(0, "stop")]
        )


class WholeTests(EmulatedCase):
    def answer(self, *replies: str, **fields: Any) -> Answer:
        answer = Deferred.fromCoroutine(self.emulate(**fields).answer())
        for index, text in enumerate(replies):
            self.gpt.replies[index].deferred.callback(text)
        return self.successResultOf(answer)

    def test_calls_are_part_of_the_answer(self) -> None:
        (choice,) = self.answer(f"Well. {ADD}{ADD}", tools=TOOLS).choices
        self.assertEqual((choice.text, choice.reason), ("Well.", "tool_calls"))
        self.assertEqual([call.arguments for call in choice.tool_calls], ['{"a": 1}'] * 2)

    def test_one_call_where_only_one_is_wanted(self) -> None:
        (choice,) = self.answer(ADD + ADD, tools=TOOLS, parallel_tool_calls=False).choices
        self.assertEqual(len(choice.tool_calls), 1)

    def test_a_call_that_must_be_is_asked_for_once_more(self) -> None:
        must = {"tools": TOOLS, "tool_choice": ToolChoice(mode="required")}
        (choice,) = self.answer("No.", ADD, **must).choices
        self.assertEqual((choice.text, len(choice.tool_calls)), ("No.", 1))

    def test_an_answer_that_never_has_the_format_is_refused(self) -> None:
        (choice,) = self.answer("no", "no", answer_format=AnswerFormat()).choices
        self.assertEqual((choice.text, choice.reason), ("", "stop"))
        self.assertIn("not JSON", choice.refusal or "")

    def test_earlier_calls_are_told_without_any_tool(self) -> None:
        call = ToolCall(id="c1", name="add", arguments="{}")
        called = Message(role="assistant", text="", tool_calls=(call,))
        request = ChatRequest(model="gpt-4", messages=(called,))
        completion = self.completions.begin(request, request_id="r1")
        answer = Deferred.fromCoroutine(completion.answer())
        (reply,) = self.gpt.replies
        self.assertIn("<tool_call", reply.asked.request.messages[-1].text)
        reply.deferred.callback("2")
        self.assertEqual(self.successResultOf(answer).choices[0].text, "2")


class SchemaTests(EmulatedCase):
    def test_a_schema_that_is_none_is_refused_by_its_path_and_nothing_is_asked(self) -> None:
        for fields in (
            {"answer_format": AnswerFormat(schema='{"type": 4}', param="here")},
            {"tools": (Tool(name="a", parameters='{"type": 4}', strict=True, param="here"),)},
        ):
            for step in ("answer", "next_events"):
                completion = self.emulate(**fields)
                turn = Deferred.fromCoroutine(getattr(completion, step)())
                self.assertEqual(self.failureResultOf(turn, InvalidValue).value.param, "here")
        self.assertEqual((self.gpt.streams, self.gpt.replies), ([], []))


class CancelTests(EmulatedCase):
    def test_a_cancel_ends_the_first_call_and_the_second(self) -> None:
        for reason in (None, ShuttingDown()):
            completion = self.emulate(tools=TOOLS)
            turn = self.next(completion)
            completion.cancel(reason)
            self.assertTrue(self.gpt.streams[-1].cancelled)
            self.failureResultOf(turn, ShuttingDown if reason else CancelledError)

            completion = self.emulate(tools=TOOLS)
            turn = self.next(completion)
            self.gpt.streams[-1].arrive(BROKEN)
            self.gpt.streams[-1].finish()
            self.assertNoResult(turn)
            completion.cancel(reason)
            self.assertTrue(self.gpt.replies[-1].cancelled)
            self.failureResultOf(turn, ShuttingDown if reason else CancelledError)


class SettingTests(EmulatedCase):
    def test_tools_are_refused_where_they_are_switched_off_but_formats_are_not(self) -> None:
        self.completions = self.make(emulates_tools=False)
        error = self.assertRaises(UnsupportedParameter, self.emulate, tools=TOOLS)
        self.assertEqual(error.param, "tools")
        self.emulate(answer_format=AnswerFormat())
