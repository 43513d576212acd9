from itertools import count
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import (
    AnswerFormat,
    ChatEvent,
    ChatRequest,
    Delta,
    Finished,
    Message,
    Refused,
    Tool,
    ToolCallBegun,
    ToolCallDelta,
    ToolChoice,
)
from piecesd.emulation.reply import Reply, is_needed, told
from piecesd.emulation.schemas import Schema
from piecesd.emulation.tools import RESULT_OPENING, block

HI = Message(role="user", text="Hi")
ADD = block("add", '{"a": 1}')
BROKEN = block("add", "{oops}")
CALL = [ToolCallBegun(0, 0, "id0", "add"), ToolCallDelta(0, 0, '{"a": 1}')]
CALLED = Finished(0, "tool_calls")
STOPPED = Finished(0, "stop")


def request(**fields: Any) -> ChatRequest:
    return ChatRequest(model="gpt-4o", messages=(HI,), **fields)


def with_tools(**fields: Any) -> ChatRequest:
    return request(tools=(Tool(name="add"),), **fields)


class ToldTests(SynchronousTestCase):
    def test_only_what_the_services_do_not_know_needs_it(self) -> None:
        self.assertFalse(is_needed(request()))
        self.assertFalse(is_needed(with_tools(tool_choice=ToolChoice(mode="none"))))
        self.assertTrue(is_needed(with_tools()))
        self.assertTrue(is_needed(request(answer_format=AnswerFormat())))
        self.assertTrue(is_needed(ChatRequest(model="", messages=(Message(role="tool", text=""),))))

    def test_the_services_get_neither_tools_nor_a_format(self) -> None:
        plain = told(with_tools(answer_format=AnswerFormat(), stop=("END",), temperature=0.5))
        self.assertFalse(is_needed(plain))
        self.assertEqual(plain.temperature, 0.5)
        self.assertEqual(plain.stop, ("END", RESULT_OPENING))
        self.assertEqual([message.role for message in plain.messages], ["system", "system", "user"])


class ReplyTestCase(SynchronousTestCase):
    def reply(self, asked: ChatRequest, schema: Schema | None = None, **strict: Schema) -> Reply:
        ids = count()
        return Reply(0, asked, new_id=lambda: f"id{next(ids)}", schema=schema, strict=strict)

    def read(self, reply: Reply, text: str) -> list[ChatEvent]:
        return [*reply.feed(text), *reply.finish("stop", None)]


class ToolReplyTests(ReplyTestCase):
    def test_text_streams_and_calls_end_the_answer(self) -> None:
        reply = self.reply(with_tools())
        self.assertEqual(reply.feed("Well."), [Delta(0, "Well.")])
        self.assertEqual(reply.feed(ADD), CALL)
        self.assertEqual(reply.finish("stop", None), [CALLED])
        self.assertEqual(reply.fault, "")

    def test_an_answer_without_a_call_is_one_of_text(self) -> None:
        reply = self.reply(with_tools())
        self.assertEqual(reply.feed("Well."), [Delta(0, "Well.")])
        self.assertEqual(reply.finish("stop", "END"), [Finished(0, "stop", "END")])

    def test_that_it_was_stopped_before_a_result_is_not_the_clients_business(self) -> None:
        self.assertEqual(
            self.reply(with_tools()).finish("stop", RESULT_OPENING), [Finished(0, "stop", None)]
        )

    def test_a_broken_call_is_asked_for_again(self) -> None:
        reply = self.reply(with_tools())
        self.assertEqual(self.read(reply, f"Well. {BROKEN}"), [Delta(0, "Well.")])
        said, asked = reply.correction()
        self.assertEqual((said.role, said.text), ("assistant", f"Well. {BROKEN}"))
        self.assertEqual(asked.role, "user")
        self.assertIn("no JSON object", asked.text)
        self.assertEqual(reply.correct(f"Sorry. {ADD}"), [*CALL, CALLED])

    def test_where_nothing_better_comes_it_is_text(self) -> None:
        for again in (BROKEN, "Sorry.", ""):
            reply = self.reply(with_tools())
            self.read(reply, f"Well. {BROKEN}")
            self.assertEqual(reply.correct(again), [Delta(0, BROKEN), STOPPED])

    def test_a_call_that_must_be_is_asked_for_again(self) -> None:
        reply = self.reply(with_tools(tool_choice=ToolChoice(mode="required")))
        self.assertEqual(self.read(reply, "No."), [Delta(0, "No.")])
        self.assertIn("must call", reply.correction()[1].text)
        self.assertEqual(reply.correct(ADD), [*CALL, CALLED])

    def test_a_cut_answer_is_not_asked_for_again_and_nothing_is_lost(self) -> None:
        reply = self.reply(with_tools())
        reply.feed("Well. ")
        reply.feed('<tool_call name="add">{"a":')
        self.assertEqual(
            reply.finish("length", None),
            [Delta(0, '<tool_call name="add">{"a":'), Finished(0, "length")],
        )
        self.assertEqual(reply.fault, "")

    def test_strict_arguments_have_to_keep_their_schema(self) -> None:
        schema = Schema('{"properties": {"a": {"type": "string"}}}')
        reply = self.reply(with_tools(), add=schema)
        self.assertEqual(self.read(reply, ADD), [])
        self.assertIn("don't fit their schema at $.a", reply.correction()[1].text)
        good = block("add", '{"a": "1"}')
        self.assertEqual(
            reply.correct(good),
            [ToolCallBegun(0, 0, "id0", "add"), ToolCallDelta(0, 0, '{"a": "1"}'), CALLED],
        )
        reply = self.reply(with_tools(), add=schema)
        self.read(reply, ADD)
        self.assertEqual(reply.correct(ADD), [Delta(0, ADD), STOPPED])
        self.assertEqual(len(self.read(self.reply(with_tools(), add=schema), good)), 3)


class FormattedReplyTests(ReplyTestCase):
    asked = request(answer_format=AnswerFormat(schema="{}"))
    schema = Schema('{"type": "object", "required": ["a"]}')

    def test_the_json_comes_out_at_the_end_without_what_stood_around_it(self) -> None:
        reply = self.reply(self.asked, self.schema)
        self.assertEqual(reply.feed('Here: {"a": 1}'), [])
        self.assertEqual(reply.finish("stop", None), [Delta(0, '{"a": 1}'), STOPPED])

    def test_what_does_not_fit_is_asked_for_again(self) -> None:
        reply = self.reply(self.asked, self.schema)
        self.assertEqual(self.read(reply, '{"b": 1}'), [])
        self.assertIn("'a' is a required property", reply.correction()[1].text)
        self.assertEqual(reply.correct('{"a": 2}'), [Delta(0, '{"a": 2}'), STOPPED])

    def test_where_nothing_better_comes_it_is_a_refusal(self) -> None:
        reply = self.reply(self.asked, self.schema)
        self.read(reply, "no")
        refused, end = reply.correct('{"c": 1}')
        assert isinstance(refused, Refused)
        self.assertIn("'a' is a required property", refused.text)
        self.assertEqual(end, STOPPED)

    def test_a_cut_answer_is_given_as_far_as_it_goes(self) -> None:
        reply = self.reply(self.asked, self.schema)
        reply.feed('{"a": ')
        self.assertEqual(reply.finish("length", None), [Delta(0, '{"a": '), Finished(0, "length")])

    def test_a_call_of_a_tool_needs_no_format(self) -> None:
        reply = self.reply(with_tools(answer_format=AnswerFormat()))
        self.assertEqual(self.read(reply, f"Well. {ADD}"), [Delta(0, "Well."), *CALL, CALLED])
