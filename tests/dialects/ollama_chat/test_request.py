"""Single parameters are tried in tests/dialects/test_parameters.py."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import AnswerFormat, ChatRequest, Message, Tool, ToolCall
from piecesd.dialects.dialect import Acknowledgement, AnswerHead
from piecesd.dialects.ollama_answer import OllamaCall
from piecesd.dialects.ollama_chat import parse
from piecesd.errors import UnsupportedContent, UnsupportedParameter, WrongType

HELLO = {"role": "user", "content": "Hello"}
HEAD = AnswerHead(token="1", created_unix=1700000000, model="gpt-4")


def parse_fields(*, ignore_unsupported: bool = False, **fields: Any) -> OllamaCall:
    body = json.dumps({"messages": [HELLO]} | fields).encode()
    call = parse(body, ignore_unsupported=ignore_unsupported)
    assert isinstance(call, OllamaCall)
    return call


def read(messages: list[dict[str, Any]]) -> tuple[Message, ...]:
    return parse_fields(messages=messages).request.messages


def called(name: str, **more: str) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": {"a": 1}}} | more


class ParseTests(SynchronousTestCase):
    def test_a_request_with_everything_that_is_read(self) -> None:
        call = parse_fields(
            model="gpt-4o:latest",
            messages=[{"role": "system", "content": "Be brief."}, HELLO],
            options={"temperature": 0.5, "top_p": 0.9, "num_predict": 7.0, "stop": ["."]},
            tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}],
            format={"type": "object"},
            stream=False,
        )
        self.assertEqual(
            call.request,
            ChatRequest(
                model="gpt-4o:latest",
                messages=(
                    Message(role="system", text="Be brief."),
                    Message(role="user", text="Hello"),
                ),
                temperature=0.5,
                top_p=0.9,
                max_output_tokens=7,
                stop=(".",),
                tools=(Tool(name="f", parameters="{}"),),
                answer_format=AnswerFormat(schema='{"type": "object"}'),
            ),
        )
        self.assertFalse(call.stream)

    def test_answers_are_streamed_unless_they_are_not_to_be(self) -> None:
        self.assertTrue(parse_fields().stream)
        self.assertTrue(parse_fields(stream=None).stream)

    def test_numbers_that_set_no_bound_set_none(self) -> None:
        for number in (0, -1, -2, None):
            request = parse_fields(options={"num_predict": number}).request
            self.assertIsNone(request.max_output_tokens)

    def test_formats_that_ask_for_nothing_are_none(self) -> None:
        for nothing in ("", None):
            self.assertIsNone(parse_fields(format=nothing).request.answer_format)

    def test_an_option_that_cannot_be_honoured_is_named_by_its_path(self) -> None:
        error = self.assertRaises(UnsupportedParameter, parse_fields, options={"top_k": 7})
        self.assertEqual(error.param, "options.top_k")
        call = parse_fields(options={"top_k": 7}, ignore_unsupported=True)
        self.assertEqual(call, parse_fields())

    def test_images_are_no_text_whatever_is_ignored(self) -> None:
        messages = [HELLO | {"images": ["aGk="]}]
        error = self.assertRaises(
            UnsupportedContent, parse_fields, messages=messages, ignore_unsupported=True
        )
        self.assertEqual(error.param, "messages[0].images")


class LoadTests(SynchronousTestCase):
    def acknowledged(self, **fields: Any) -> dict[str, Any]:
        acknowledgement = parse(json.dumps(fields).encode(), ignore_unsupported=False)
        assert isinstance(acknowledgement, Acknowledgement)
        self.assertEqual(acknowledgement.model, "gpt-4")
        answer: dict[str, Any] = json.loads(acknowledgement.render(HEAD))
        return answer

    def test_without_messages_only_the_model_is_asked_for(self) -> None:
        for fields in ({"model": "gpt-4"}, {"model": "gpt-4", "messages": []}):
            self.assertEqual(
                self.acknowledged(**fields),
                {
                    "model": "gpt-4",
                    "created_at": "2023-11-14T22:13:20Z",
                    "message": {"role": "assistant", "content": ""},
                    "done": True,
                    "done_reason": "load",
                },
            )

    def test_a_model_that_is_kept_for_no_time_is_given_up(self) -> None:
        for keep_alive in (0, "0", "0s"):
            answer = self.acknowledged(model="gpt-4", keep_alive=keep_alive)
            self.assertEqual(answer["done_reason"], "unload")


class ToolTests(SynchronousTestCase):
    def test_calls_without_ids_get_some_and_results_find_them_by_tool(self) -> None:
        asked, *results = read(
            [
                {"role": "assistant", "tool_calls": [called("f"), called("g"), called("f")]},
                {"role": "tool", "content": "1", "tool_name": "g"},
                {"role": "tool", "content": "2", "tool_name": "f"},
                {"role": "tool", "content": "3", "tool_name": "f"},
                {"role": "tool", "content": "4", "tool_name": "f"},
            ]
        )
        self.assertEqual(
            asked.tool_calls,
            (
                ToolCall(id="call_1", name="f", arguments='{"a": 1}'),
                ToolCall(id="call_2", name="g", arguments='{"a": 1}'),
                ToolCall(id="call_3", name="f", arguments='{"a": 1}'),
            ),
        )
        self.assertEqual(
            [(result.tool_call_id, result.name, result.text) for result in results],
            [
                ("call_2", "g", "1"),
                ("call_1", "f", "2"),
                ("call_3", "f", "3"),
                (None, "f", "4"),
            ],
        )

    def test_a_result_that_names_no_tool_belongs_to_the_first_call_that_waits(self) -> None:
        _, *results = read(
            [
                {"role": "assistant", "tool_calls": [called("f"), called("g")]},
                {"role": "tool", "content": "1", "tool_name": "f"},
                {"role": "tool", "content": "2"},
                {"role": "tool", "content": "3"},
            ]
        )
        self.assertEqual([each.tool_call_id for each in results], ["call_1", "call_2", None])

    def test_ids_are_kept(self) -> None:
        asked, named, other = read(
            [
                {"role": "assistant", "tool_calls": [called("f", id="x"), called("f", id="y")]},
                {"role": "tool", "content": "1", "tool_call_id": "x"},
                {"role": "tool", "content": "2", "tool_name": "f"},
            ]
        )
        self.assertEqual([call.id for call in asked.tool_calls], ["x", "y"])
        self.assertEqual((named.tool_call_id, other.tool_call_id), ("x", "y"))

    def test_a_call_without_arguments_has_none(self) -> None:
        (asked,) = read([{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}])
        self.assertEqual(asked.tool_calls[0].arguments, "{}")

    def test_arguments_are_an_object(self) -> None:
        calls = [{"function": {"name": "f", "arguments": [1]}}]
        error = self.assertRaises(WrongType, read, [{"role": "assistant", "tool_calls": calls}])
        self.assertEqual(error.param, "messages[0].tool_calls[0].function.arguments")
