"""Requests for responses, and what their answers are made of."""

import json
from typing import Any

from piecesd.chat import Answer, ChatEvent, Choice, Delta, Finished, ToolCall, Usage
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.openai_responses import parse
from piecesd.dialects.openai_responses.request import ResponseCall

TOKEN = "0123456789abcdef0123456789ab"
CREATED = 1_700_000_000
COMPLETED = 1_700_000_003
HEAD = AnswerHead(token=TOKEN, created_unix=CREATED, model="gpt-4o")
USAGE = Usage(input_tokens=9, output_tokens=3)
CALL = ToolCall(id="call_1", name="add", arguments='{"a": 1}')
ADD = {"type": "function", "name": "add", "parameters": {"type": "object"}}
WHOLE: list[ChatEvent] = [Delta(0, "Hello"), Delta(0, " there"), Finished(0, "stop"), USAGE]


def parsed(*, ignore_unsupported: bool = False, **fields: Any) -> ResponseCall:
    body = {"model": "gpt-4o", "input": "Hi"} | fields
    return parse(json.dumps(body).encode(), ignore_unsupported=ignore_unsupported)


def prepared(*, stored: bool = True, **fields: Any) -> ResponseCall:
    return parsed(**fields).prepared(stored=stored, now=lambda: COMPLETED)


def answer(choice: Choice) -> Answer:
    return Answer(choices=(choice,), usage=USAGE)


def rendered(call: ResponseCall, choice: Choice) -> Any:
    """The JSON of a whole response."""
    return json.loads(call.render_answer(answer(choice), HEAD))
