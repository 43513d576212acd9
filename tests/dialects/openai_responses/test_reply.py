"""Whole responses, as the SDK reads them."""

from typing import Any

from openai.types.responses import Response
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import Choice
from tests.dialects.openai_responses.support import (
    ADD,
    CALL,
    COMPLETED,
    CREATED,
    TOKEN,
    parsed,
    prepared,
    rendered,
)

REQUIRED_BY_OPEN_RESPONSES = """
    id object created_at completed_at status incomplete_details model previous_response_id
    instructions output error tools tool_choice truncation parallel_tool_calls text top_p
    presence_penalty frequency_penalty top_logprobs temperature reasoning user usage
    max_output_tokens max_tool_calls store background service_tier metadata safety_identifier
    prompt_cache_key
"""
HELLO = Choice(text="Hello", reason="stop")


class RenderAnswerTests(SynchronousTestCase):
    def test_it_has_every_field_that_the_specification_demands(self) -> None:
        response = rendered(prepared(), HELLO)
        self.assertEqual(set(REQUIRED_BY_OPEN_RESPONSES.split()), set(response))

    def test_it_is_a_response_of_the_sdk(self) -> None:
        for choice in (
            HELLO,
            Choice(text="Hel", reason="length"),
            Choice(text="", reason="stop", refusal="No."),
            Choice(text="", reason="tool_calls", tool_calls=(CALL,)),
        ):
            response = Response.model_validate(rendered(prepared(tools=[ADD]), choice))
            self.assertEqual(response.id, f"resp_{TOKEN}")
            self.assertEqual(response.output_text, choice.text)
            assert response.usage is not None
            self.assertEqual(response.usage.total_tokens, 12)

    def test_a_complete_one_says_when_it_was_completed(self) -> None:
        response = rendered(prepared(), HELLO)
        times = (response["created_at"], response["completed_at"])
        self.assertEqual((*times, response["status"]), (CREATED, COMPLETED, "completed"))
        self.assertIsNone(response["incomplete_details"])
        self.assertEqual(response["output"][0]["status"], "completed")

    def test_one_that_the_limit_cut_says_so(self) -> None:
        choice = Choice(text="Hel", reason="length")
        response = rendered(prepared(max_output_tokens=1), choice)
        self.assertEqual(response["status"], "incomplete")
        self.assertEqual(response["incomplete_details"], {"reason": "max_output_tokens"})
        self.assertEqual(response["output"][0]["status"], "incomplete")
        self.assertIsNone(response["completed_at"])

    def test_the_request_is_given_back(self) -> None:
        fields: dict[str, Any] = {
            "instructions": "Be brief.",
            "max_output_tokens": 9,
            "max_tool_calls": 2,
            "metadata": {"a": "b"},
            "parallel_tool_calls": False,
            "previous_response_id": "resp_0",
            "prompt_cache_key": "key",
            "safety_identifier": "someone",
            "temperature": 0.5,
            "top_p": 0.25,
            "tool_choice": {"type": "function", "name": "add"},
            "user": "me",
        }
        response = rendered(prepared(tools=[ADD], **fields), HELLO)
        self.assertEqual({name: response[name] for name in fields}, fields)
        self.assertEqual(response["tools"], [ADD | {"description": None, "strict": True}])

    def test_it_tells_whether_it_is_stored(self) -> None:
        for stored in (True, False):
            call = prepared(stored=stored)
            self.assertIs(rendered(call, HELLO)["store"], stored)
        self.assertIs(rendered(parsed(store=True), HELLO)["store"], False)
