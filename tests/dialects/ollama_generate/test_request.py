"""Single parameters are tried in tests/dialects/test_parameters.py."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import Answer, AnswerFormat, ChatRequest, Choice, Message, Usage
from piecesd.dialects.dialect import Acknowledgement, AnswerHead
from piecesd.dialects.ollama_answer import OllamaCall
from piecesd.dialects.ollama_generate import parse
from piecesd.errors import UnsupportedContent

HEAD = AnswerHead(token="1", created_unix=1700000000, model="gpt-4")


def parse_fields(
    *, ignore_unsupported: bool = False, **fields: Any
) -> OllamaCall | Acknowledgement:
    return parse(json.dumps(fields).encode(), ignore_unsupported=ignore_unsupported)


class ParseTests(SynchronousTestCase):
    def test_a_prompt_is_what_a_user_says(self) -> None:
        call = parse_fields(
            model="gpt-4",
            prompt="Hello",
            system="Be brief.",
            format="json",
            options={"num_predict": 5, "temperature": 0},
        )
        assert isinstance(call, OllamaCall)
        self.assertEqual(
            call.request,
            ChatRequest(
                model="gpt-4",
                messages=(
                    Message(role="system", text="Be brief."),
                    Message(role="user", text="Hello"),
                ),
                temperature=0,
                max_output_tokens=5,
                answer_format=AnswerFormat(),
            ),
        )
        self.assertTrue(call.stream)

    def test_its_answer_is_a_response(self) -> None:
        call = parse_fields(prompt="Hello")
        assert isinstance(call, OllamaCall)
        usage = Usage(input_tokens=9, output_tokens=1)
        answer = Answer(choices=(Choice(text="Hi", reason="stop"),), usage=usage)
        body = json.loads(call.render_answer(answer, HEAD))
        self.assertEqual((body["response"], body["done"]), ("Hi", True))
        self.assertNotIn("message", body)

    def test_without_a_prompt_only_the_model_is_asked_for(self) -> None:
        cases: list[tuple[dict[str, Any], str]] = [
            ({}, "load"),
            ({"prompt": "", "keep_alive": 0}, "unload"),
        ]
        for fields, reason in cases:
            acknowledgement = parse_fields(model="gpt-4", system="Be brief.", **fields)
            assert isinstance(acknowledgement, Acknowledgement)
            self.assertEqual(
                json.loads(acknowledgement.render(HEAD)),
                {
                    "model": "gpt-4",
                    "created_at": "2023-11-14T22:13:20Z",
                    "response": "",
                    "done": True,
                    "done_reason": reason,
                },
            )

    def test_images_are_no_text_whatever_is_ignored(self) -> None:
        for ignore in (False, True):
            self.assertRaises(
                UnsupportedContent,
                parse_fields,
                prompt="What is this?",
                images=["aGk="],
                ignore_unsupported=ignore,
            )
