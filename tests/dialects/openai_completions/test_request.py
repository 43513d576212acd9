"""Single parameters are tried in tests/dialects/test_parameters.py."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import ChatRequest, Message
from piecesd.dialects.openai_completions import parse
from piecesd.dialects.openai_completions.request import CompletionCall
from piecesd.errors import InvalidValue, MissingParameter, UnsupportedContent


def parse_fields(*, ignore_unsupported: bool = False, **fields: Any) -> CompletionCall:
    return parse(json.dumps(fields).encode(), ignore_unsupported=ignore_unsupported)


def said(text: str) -> tuple[Message, ...]:
    return (Message(role="user", text=text),)


class ParseTests(SynchronousTestCase):
    def test_a_prompt_is_what_a_user_says(self) -> None:
        call = parse_fields(
            model="gpt-4o",
            prompt="Once",
            max_tokens=5,
            stop=["."],
            temperature=0.5,
            top_p=0.9,
            stream=True,
            stream_options={"include_usage": True},
        )
        request = ChatRequest(
            model="gpt-4o",
            messages=said("Once"),
            max_output_tokens=5,
            stop=(".",),
            temperature=0.5,
            top_p=0.9,
        )
        self.assertEqual(
            call, CompletionCall(request=request, stream=True, include_usage=True, echoes=("",))
        )

    def test_without_a_limit_the_reference_has_one(self) -> None:
        self.assertEqual(parse_fields(prompt="Once").request.max_output_tokens, 16)

    def test_each_of_several_prompts_is_a_conversation_with_all_the_choices(self) -> None:
        call = parse_fields(prompt=["a", "b"], n=2, echo=True)
        self.assertEqual(call.request.messages, said("a"))
        self.assertEqual(call.request.further_conversations, (said("b"),))
        self.assertEqual(call.request.choices, 2)
        self.assertEqual(call.echoes, ("a", "a", "b", "b"))

    def test_prompts_and_choices_together_are_bounded(self) -> None:
        error = self.assertRaises(InvalidValue, parse_fields, prompt=["a"] * 6, n=3)
        self.assertEqual(error.param, "prompt")

    def test_a_prompt_there_has_to_be(self) -> None:
        self.assertRaises(MissingParameter, parse_fields, model="gpt-4o")
        self.assertRaises(InvalidValue, parse_fields, prompt=None)

    def test_tokens_are_no_text_whatever_is_ignored(self) -> None:
        for prompt in ([1, 2], ["a", 2], [[1], [2]]):
            self.assertRaises(
                UnsupportedContent, parse_fields, prompt=prompt, ignore_unsupported=True
            )
