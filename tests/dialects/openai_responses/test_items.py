"""Items of every kind, as requests write them and as the API gives them back."""

import json
from typing import Any

import msgspec
from openai.types.responses import ResponseItem
from pydantic import TypeAdapter
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import Choice, Message
from piecesd.dialects.openai_responses.items import Item, messages_of, output_of, with_ids
from piecesd.errors import InvalidValue, MissingParameter, UnsupportedContent
from tests.dialects.openai_responses.support import CALL, TOKEN, parsed

_ITEM: TypeAdapter[Any] = TypeAdapter(ResponseItem)


def given(*items: dict[str, Any]) -> list[Item]:
    return list(parsed(input=items).own_items)


class InputTests(SynchronousTestCase):
    def test_every_item_is_one_of_the_sdk(self) -> None:
        items = with_ids(
            given(
                {"role": "user", "content": "Hi"},
                {"role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [
                        {"type": "output_text", "text": "A", "annotations": []},
                        {"type": "refusal", "refusal": "B"},
                    ],
                },
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "1"},
            ),
            TOKEN,
        )
        names = [
            type(_ITEM.validate_python(json.loads(msgspec.json.encode(item)))).__name__
            for item in items
        ]
        self.assertEqual(
            names,
            [
                "ResponseInputMessageItem",
                "ResponseInputMessageItem",
                "ResponseOutputMessage",
                "ResponseFunctionToolCallItem",
                "ResponseFunctionToolCallOutputItem",
            ],
        )

    def test_stored_items_are_read_back_as_they_were(self) -> None:
        items = given(
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {
                "type": "function_call_output",
                "call_id": "c",
                "output": [{"type": "input_text", "text": "1"}],
            },
        )
        stored = msgspec.json.encode(items)
        self.assertEqual(msgspec.json.decode(stored, type=list[Item]), items)

    def test_text_has_the_part_of_its_role(self) -> None:
        for role, kind in (("user", "input_text"), ("assistant", "output_text")):
            (item,) = given({"role": role, "content": [{"type": "text", "text": "Hi"}]})
            part = json.loads(msgspec.json.encode(item))["content"][0]
            self.assertEqual((part["type"], part["text"]), (kind, "Hi"))

    def test_faults_are_named_with_their_path(self) -> None:
        image = {"type": "input_image", "image_url": "https://example.org/a.png"}
        for item, error_class, param in (
            ({"role": "critic", "content": "a"}, InvalidValue, "input[0].role"),
            ({"role": "user", "content": [image]}, UnsupportedContent, "input[0].content[0]"),
            (
                {"role": "user", "content": [{"type": "input_text"}]},
                MissingParameter,
                "input[0].content[0].text",
            ),
            ({"type": "mcp_call"}, UnsupportedContent, "input[0].type"),
            (
                {"type": "function_call_output", "call_id": "c", "output": [image]},
                UnsupportedContent,
                "input[0].output[0]",
            ),
            (
                {"type": "function_call", "call_id": "", "name": "f", "arguments": ""},
                InvalidValue,
                "input[0].call_id",
            ),
            ({"role": "user", "content": "a", "id": "i" * 257}, InvalidValue, "input[0].id"),
        ):
            error = self.assertRaises(error_class, given, item)
            self.assertEqual(error.param, param)


class OutputTests(SynchronousTestCase):
    def kinds(self, choice: Choice) -> list[str]:
        items = json.loads(msgspec.json.encode(output_of(choice, TOKEN, 1)))
        return [item["type"] for item in items]

    def test_text_stands_before_the_calls(self) -> None:
        choice = Choice(text="One moment.", reason="tool_calls", tool_calls=(CALL, CALL))
        self.assertEqual(self.kinds(choice), ["message", "function_call", "function_call"])

    def test_calls_alone_have_no_message(self) -> None:
        choice = Choice(text="", reason="tool_calls", tool_calls=(CALL,))
        self.assertEqual(self.kinds(choice), ["function_call"])

    def test_an_empty_answer_is_an_empty_message(self) -> None:
        self.assertEqual(self.kinds(Choice(text="", reason="stop")), ["message"])

    def test_an_output_is_told_to_the_model_as_it_was(self) -> None:
        choice = Choice(text="One moment.", reason="tool_calls", tool_calls=(CALL,))
        self.assertEqual(
            messages_of(output_of(choice, TOKEN, 0)),
            [Message(role="assistant", text="One moment.", tool_calls=(CALL,))],
        )
