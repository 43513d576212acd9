import json
from typing import Any
from urllib.parse import urlencode

from openai.types.responses import ResponseItemList
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import Choice
from piecesd.dialects.openai_responses.stored import (
    all_items,
    encode_items,
    parse_page,
    refuse_stream,
    render_deleted,
    render_page,
)
from piecesd.errors import InvalidRequest, UnsupportedParameter
from tests.dialects.openai_responses.support import CALL, HEAD, answer, parsed, prepared

INPUT = encode_items(
    parsed(
        input=[{"role": "user", "content": text, "id": f"msg_{text}"} for text in "abcde"]
    ).own_items
)


def listed(**query: str) -> Any:
    return json.loads(render_page(INPUT, parse_page(urlencode(query).encode())))


class PageTests(SynchronousTestCase):
    def ids(self, **query: str) -> str:
        return "".join(item["id"].removeprefix("msg_") for item in listed(**query)["data"])

    def test_the_newest_come_first_unless_it_is_said_otherwise(self) -> None:
        self.assertEqual(self.ids(), "edcba")
        self.assertEqual(self.ids(order="desc"), "edcba")
        self.assertEqual(self.ids(order="asc"), "abcde")

    def test_a_page_begins_after_an_item(self) -> None:
        self.assertEqual(self.ids(limit="2"), "ed")
        self.assertEqual(self.ids(limit="2", after="msg_d"), "cb")
        self.assertEqual(self.ids(order="asc", after="msg_d"), "e")
        self.assertEqual(self.ids(order="asc", after="msg_e"), "")

    def test_a_page_tells_whether_there_is_more(self) -> None:
        page = ResponseItemList.model_validate(listed(limit="2"))
        self.assertEqual((page.first_id, page.last_id), ("msg_e", "msg_d"))
        self.assertTrue(page.has_more)
        self.assertFalse(listed(limit="5")["has_more"])
        self.assertIsNone(listed(after="msg_a")["first_id"])

    def test_what_is_no_page_is_refused(self) -> None:
        for query in (
            {"limit": "0"},
            {"limit": "101"},
            {"limit": "many"},
            {"limit": "99999"},
            {"limit": ""},
            {"order": "up"},
            {"after": "msg_z"},
        ):
            error = self.assertRaises(InvalidRequest, listed, **query)
            self.assertEqual([error.param], list(query))


class StoredTests(SynchronousTestCase):
    def test_the_next_response_goes_on_from_input_and_output(self) -> None:
        call = prepared(input="Add.")
        choice = Choice(text="", reason="tool_calls", tool_calls=(CALL,))
        response = call.render_answer(answer(choice), HEAD)
        items = all_items(response, encode_items(call.input_items(HEAD)))
        following = parsed(
            previous_response_id="resp_1",
            input=[{"type": "function_call_output", "call_id": CALL.id, "output": "4"}],
        ).prepared(stored=True, now=lambda: 0, context=items)
        user, assistant, tool = following.request.messages
        self.assertEqual((user.role, user.text), ("user", "Add."))
        self.assertEqual(assistant.tool_calls, (CALL,))
        self.assertEqual((tool.role, tool.text), ("tool", "4"))

    def test_a_deletion_is_confirmed(self) -> None:
        self.assertEqual(
            json.loads(render_deleted("resp_1")),
            {"id": "resp_1", "object": "response", "deleted": True},
        )

    def test_a_stored_response_is_not_streamed_again(self) -> None:
        for query in (b"", b"stream=false", b"include=x"):
            refuse_stream(query)
        error = self.assertRaises(UnsupportedParameter, refuse_stream, b"stream=true")
        self.assertEqual(error.param, "stream")
