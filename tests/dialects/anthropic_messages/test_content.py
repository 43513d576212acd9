"""What the blocks of messages come to."""

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import Message, ToolCall
from piecesd.dialects.anthropic_messages.body import BlockBody, MessageBody
from piecesd.dialects.anthropic_messages.content import count_parts, read_message, read_system
from piecesd.errors import InvalidValue, MissingParameter, UnsupportedContent

USE = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "4"}


def text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def message(role: str, content: Any) -> MessageBody:
    return msgspec.json.decode(
        msgspec.json.encode({"role": role, "content": content}), type=MessageBody
    )


def read(role: str, content: Any) -> list[Message]:
    return read_message(message(role, content), "messages[0]")


class ReadMessageTests(SynchronousTestCase):
    def test_a_text_is_one_message(self) -> None:
        for role in ("user", "assistant", "system"):
            self.assertEqual([(m.role, m.text) for m in read(role, "Hi")], [(role, "Hi")])

    def test_blocks_of_text_are_lines_of_one_message(self) -> None:
        self.assertEqual(read("user", [text("a"), text("b")]), [Message(role="user", text="a\nb")])
        self.assertEqual(read("user", []), [Message(role="user", text="")])

    def test_calls_stand_in_what_the_assistant_said(self) -> None:
        self.assertEqual(
            read("assistant", [text("Let me see."), USE]),
            [
                Message(
                    role="assistant",
                    text="Let me see.",
                    tool_calls=(ToolCall(id="toolu_1", name="add", arguments='{"a":1}'),),
                )
            ],
        )

    def test_results_are_messages_of_their_own_between_the_texts(self) -> None:
        result = Message(role="tool", text="4", tool_call_id="toolu_1")
        self.assertEqual(
            read("user", [text("a"), RESULT, text("b"), text("c")]),
            [Message(role="user", text="a"), result, Message(role="user", text="b\nc")],
        )
        self.assertEqual(read("user", [RESULT]), [result])

    def test_a_result_is_a_text_or_blocks_or_nothing(self) -> None:
        for content, expected in (("4", "4"), ([text("4"), text("5")], "4\n5"), (None, "")):
            (result,) = read("user", [RESULT | {"content": content}])
            self.assertEqual(result.text, expected)

    def test_the_result_of_a_tool_that_failed_says_so(self) -> None:
        (result,) = read("user", [RESULT | {"content": "no such file", "is_error": True}])
        self.assertEqual(result.text, "Error: no such file")

    def test_other_blocks_are_refused_by_name(self) -> None:
        for kind in ("image", "document", "thinking", "server_tool_use"):
            error = self.assertRaises(UnsupportedContent, read, "user", [{"type": kind}])
            self.assertEqual(error.param, "messages[0].content[0]")
            self.assertIn(kind, str(error))
        image = RESULT | {"content": [{"type": "image"}]}
        error = self.assertRaises(UnsupportedContent, read, "user", [image])
        self.assertEqual(error.param, "messages[0].content[0].content[0]")

    def test_blocks_stand_where_they_belong(self) -> None:
        for role, block in (("user", USE), ("assistant", RESULT), ("system", USE)):
            error = self.assertRaises(InvalidValue, read, role, [block])
            self.assertEqual(error.param, "messages[0].content[0].type")

    def test_a_block_without_what_it_is_about_is_refused(self) -> None:
        for role, block, name in (
            ("user", {"type": "text"}, "text"),
            ("user", {"type": "tool_result"}, "tool_use_id"),
            ("assistant", {"type": "tool_use", "name": "add"}, "id"),
        ):
            error = self.assertRaises(MissingParameter, read, role, [block])
            self.assertEqual(error.param, f"messages[0].content[0].{name}")


class ReadSystemTests(SynchronousTestCase):
    def test_no_prompt_is_no_message(self) -> None:
        self.assertEqual((list(read_system(None)), list(read_system(""))), ([], []))

    def test_it_holds_text_only(self) -> None:
        blocks = [BlockBody(type="text", text="a"), BlockBody(type="text", text="b")]
        self.assertEqual(list(read_system(blocks)), [Message(role="system", text="a\nb")])
        image = [BlockBody(type="image")]
        error = self.assertRaises(UnsupportedContent, lambda: list(read_system(image)))
        self.assertEqual(error.param, "system[0]")


class CountPartsTests(SynchronousTestCase):
    def test_messages_blocks_and_parts_of_results_count(self) -> None:
        result = RESULT | {"content": [text("a"), text("b")]}
        messages = [message("user", "Hi"), message("user", [text("a"), result])]
        self.assertEqual(count_parts([BlockBody(type="text", text="a")], messages), 7)
        self.assertEqual(count_parts("Be brief.", messages), 6)
