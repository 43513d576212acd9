"""Single parameters are tried in tests/dialects/test_parameters.py."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import ChatRequest, Message
from piecesd.dialects.token_count import CountCard, CountRequest, parse, render_count
from piecesd.errors import InvalidValue, MissingParameter, UnsupportedParameter

MESSAGES = [{"role": "user", "content": "Hi"}]


def parse_fields(*, ignore_unsupported: bool = False, **fields: Any) -> CountRequest:
    return parse(json.dumps(fields).encode(), ignore_unsupported=ignore_unsupported)


class ParseTests(SynchronousTestCase):
    def test_a_text_is_counted_by_itself(self) -> None:
        self.assertEqual(
            parse_fields(model="gpt-4", text="Hi"), CountRequest(model="gpt-4", content="Hi")
        )
        self.assertEqual(parse_fields(text=""), CountRequest(model="", content=""))

    def test_a_conversation_is_read_as_chat_completions_reads_it(self) -> None:
        said = (Message(role="user", text="Hi"),)
        self.assertEqual(
            parse_fields(model="gpt-4", messages=MESSAGES, temperature=1),
            CountRequest(
                model="gpt-4",
                content=ChatRequest(model="gpt-4", messages=said, temperature=1),
            ),
        )

    def test_one_of_the_two_there_has_to_be(self) -> None:
        self.assertRaises(MissingParameter, parse_fields, model="gpt-4")
        error = self.assertRaises(InvalidValue, parse_fields, text="Hi", messages=MESSAGES)
        self.assertEqual(error.param, "text")

    def test_what_chat_completions_refuses_is_refused(self) -> None:
        self.assertRaises(UnsupportedParameter, parse_fields, messages=MESSAGES, logprobs=True)
        parse_fields(messages=MESSAGES, logprobs=True, ignore_unsupported=True)


class RenderCountTests(SynchronousTestCase):
    def test_a_count_says_what_it_was_counted_by(self) -> None:
        card = CountCard(model="gemini-pro", encoding="claude", tokens=3, approximate=True)
        self.assertEqual(
            render_count(card),
            b'{"object":"token_count","model":"gemini-pro","encoding":"claude","tokens":3,'
            b'"approximate":true}',
        )
