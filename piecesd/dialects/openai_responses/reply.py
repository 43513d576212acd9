"""The Response object of the OpenAI API.

It has every field that the OpenAI API reference or the Open Responses
specification demands; those that nothing can be told in have the value that
says so.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from piecesd.chat import Answer, Usage
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.openai_responses.items import Item, output_of
from piecesd.dialects.openai_responses.tools import Shown

Clock = Callable[[], int | None]
"""Tells the time in Unix seconds."""


def no_clock() -> None:
    """Knows no time."""


class Echo(msgspec.Struct, kw_only=True, frozen=True):
    """What a response says of its request. ``temperature`` and ``top_p`` are the
    reference's defaults where the request has none."""

    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    metadata: dict[str, str]
    parallel_tool_calls: bool
    previous_response_id: str | None
    prompt_cache_key: str | None
    safety_identifier: str | None
    store: bool = False
    temperature: float
    text: Shown
    tool_choice: str | Shown
    tools: list[Shown]
    top_p: float
    user: str | None


class _InputDetails(msgspec.Struct):
    cached_tokens: int = 0
    cache_write_tokens: int = 0


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int = 0


class _Usage(msgspec.Struct, kw_only=True):
    """Prompts are not cached here, and nothing reasons."""

    input_tokens: int
    input_tokens_details: _InputDetails
    output_tokens: int
    output_tokens_details: _OutputDetails
    total_tokens: int


class _Reasoning(msgspec.Struct):
    effort: None = None
    summary: None = None


class Error(msgspec.Struct):
    """Why a response failed; ``code`` is one of the reference's."""

    code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
    message: str


class Incomplete(msgspec.Struct):
    reason: Literal["max_output_tokens"] = "max_output_tokens"


ResponseStatus = Literal["in_progress", "completed", "incomplete", "failed"]


class Response(Echo, kw_only=True, frozen=True):
    """``created_at`` and ``completed_at`` are in Unix seconds."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    completed_at: int | None = None
    status: ResponseStatus
    model: str
    output: list[Item]
    usage: _Usage | None = None
    error: Error | None = None
    incomplete_details: Incomplete | None = None
    background: bool = False
    frequency_penalty: float = 0
    presence_penalty: float = 0
    reasoning: _Reasoning = msgspec.field(default_factory=_Reasoning)
    service_tier: Literal["default"] = "default"
    top_logprobs: int = 0
    truncation: Literal["disabled"] = "disabled"


def response_id(head: AnswerHead) -> str:
    return f"resp_{head.token}"


def begun(head: AnswerHead, echo: Echo) -> Response:
    """A response of which there is nothing yet."""
    return Response(
        id=response_id(head),
        created_at=head.created_unix,
        status="in_progress",
        model=head.model,
        output=[],
        **msgspec.structs.asdict(echo),
    )


def ended(
    response: Response, output: Sequence[Item], usage: Usage, *, is_cut: bool, now: Clock
) -> Response:
    """``response`` with its answer, which is complete, or ``is_cut`` by the limit
    of tokens."""
    return msgspec.structs.replace(
        response,
        status="incomplete" if is_cut else "completed",
        completed_at=None if is_cut else now(),
        incomplete_details=Incomplete() if is_cut else None,
        output=list(output),
        usage=_usage(usage),
    )


def render_answer(
    answer: Answer, head: AnswerHead, echo: Echo, *, first_number: int, now: Clock
) -> bytes:
    """The JSON body of a whole response.

    :param first_number: of the items of the output.
    """
    (choice,) = answer.choices
    output = output_of(choice, head.token, first_number)
    return msgspec.json.encode(
        ended(begun(head, echo), output, answer.usage, is_cut=choice.reason == "length", now=now)
    )


def _usage(usage: Usage) -> _Usage:
    return _Usage(
        input_tokens=usage.input_tokens,
        input_tokens_details=_InputDetails(),
        output_tokens=usage.output_tokens,
        output_tokens_details=_OutputDetails(),
        total_tokens=usage.total_tokens,
    )
