"""Answers in the OpenAI API's shape: one ``chat.completion`` object, or a stream
of ``chat.completion.chunk`` events.

The order of the fields, and which are there with null, follow what the API
sends. ``system_fingerprint`` and ``service_tier`` are left out: there is
nothing to tell in them.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from piecesd.chat import (
    Answer,
    ChatEvent,
    Choice,
    Delta,
    Finished,
    FinishReason,
    Refused,
    ToolCallBegun,
    ToolCallDelta,
    Usage,
)
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.openai_stream import OpenAiStream, UsageBody, usage_body
from piecesd.dialects.sse import frame, line_safe


class _Function(msgspec.Struct):
    name: str
    arguments: str


class _ToolCall(msgspec.Struct):
    id: str
    type: Literal["function"]
    function: _Function


class _MessageBody(msgspec.Struct):
    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    tool_calls: list[_ToolCall] | UnsetType = UNSET


class _ChoiceBody(msgspec.Struct):
    index: int
    message: _MessageBody
    logprobs: None
    finish_reason: FinishReason


class Completion(msgspec.Struct):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[_ChoiceBody]
    usage: UsageBody


class FunctionDelta(msgspec.Struct):
    arguments: str
    name: str | UnsetType = UNSET


class ToolCallChunk(msgspec.Struct):
    """The first of a call has its id, type and name."""

    index: int
    function: FunctionDelta
    id: str | UnsetType = UNSET
    type: Literal["function"] | UnsetType = UNSET


class ChunkDelta(msgspec.Struct):
    """Empty in the last chunk of a choice."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    refusal: str | UnsetType | None = UNSET
    tool_calls: list[ToolCallChunk] | UnsetType = UNSET


class ChunkChoice(msgspec.Struct):
    index: int
    delta: ChunkDelta
    logprobs: None = None
    finish_reason: FinishReason | None = None


class Chunk(msgspec.Struct):
    """One event's object. ``usage`` is there, with null, in every chunk but the
    last when the client asked for usage, and in none when it didn't."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: UsageBody | UnsetType | None = UNSET


def _completion_id(head: AnswerHead) -> str:
    return f"chatcmpl-{head.token}"


def _message(choice: Choice) -> _MessageBody:
    """The API has null for content where there is nothing but calls or a refusal."""
    calls = [
        _ToolCall(id=call.id, type="function", function=_Function(call.name, call.arguments))
        for call in choice.tool_calls
    ]
    has_content = bool(choice.text) or not (calls or choice.refusal is not None)
    return _MessageBody(
        role="assistant",
        content=choice.text if has_content else None,
        refusal=choice.refusal,
        tool_calls=calls or UNSET,
    )


def render_answer(answer: Answer, head: AnswerHead) -> bytes:
    """The JSON body of a whole answer."""
    choices = [
        _ChoiceBody(
            index=index,
            message=_message(choice),
            logprobs=None,
            finish_reason=choice.reason,
        )
        for index, choice in enumerate(answer.choices)
    ]
    return msgspec.json.encode(
        Completion(
            id=_completion_id(head),
            object="chat.completion",
            created=head.created_unix,
            model=head.model,
            choices=choices,
            usage=usage_body(answer.usage),
        )
    )


def _chunk_choice(event: ToolCallBegun | ToolCallDelta | Refused | Finished) -> ChunkChoice:
    match event:
        case ToolCallBegun(choice, index, call_id, name):
            function = FunctionDelta(name=name, arguments="")
            call = ToolCallChunk(index, function, id=call_id, type="function")
            return ChunkChoice(choice, ChunkDelta(tool_calls=[call]))
        case ToolCallDelta(choice, index, arguments):
            call = ToolCallChunk(index, FunctionDelta(arguments))
            return ChunkChoice(choice, ChunkDelta(tool_calls=[call]))
        case Refused(choice, text):
            return ChunkChoice(choice, ChunkDelta(refusal=text))
        case Finished(choice, reason):
            return ChunkChoice(choice, ChunkDelta(), finish_reason=reason)


class ChunkRenderer(OpenAiStream):
    """Renders one streamed answer; ``choices`` is how many the client asked for."""

    def __init__(self, head: AnswerHead, *, choices: int, include_usage: bool) -> None:
        self._completion_id = _completion_id(head)
        self._created_unix = head.created_unix
        self._model = head.model
        self._include_usage = include_usage
        self._choices = range(choices)
        self._encode = msgspec.json.Encoder().encode
        # A stream is mostly content chunks, and they differ in nothing but the
        # text. With all around it rendered once, a Delta takes 0.2 µs rather
        # than the 1.6 µs of building, encoding and framing a Chunk. (CPython 3.11)
        around = [self._around_content(index) for index in self._choices]
        self._before_content = [before for before, _ in around]
        self._after_content = around[0][1]

    def opening(self, _input_tokens: int | None = None) -> bytes:
        """The first chunk of each choice, which gives the role."""
        delta = ChunkDelta(role="assistant", content="", refusal=None)
        chunks = [self._choice_event(ChunkChoice(index, delta)) for index in self._choices]
        return b"".join(chunks)

    def events(self, batch: Sequence[ChatEvent]) -> bytes:
        """What came of the answer since the last batch."""
        encode = self._encode
        before, after = self._before_content, self._after_content
        parts: list[bytes] = []
        for event in batch:
            if isinstance(event, Delta):
                content = encode(event.text)
                if not event.text.isascii():
                    content = line_safe(content)
                parts += (before[event.choice], content, after)
            elif isinstance(event, Usage):
                if self._include_usage:
                    parts.append(self._event([], usage_body(event)))
            else:
                parts.append(self._choice_event(_chunk_choice(event)))
        return b"".join(parts)

    def _choice_event(self, choice: ChunkChoice) -> bytes:
        return self._event([choice], None if self._include_usage else UNSET)

    def _event(self, choices: list[ChunkChoice], usage: UsageBody | UnsetType | None) -> bytes:
        chunk = Chunk(
            id=self._completion_id,
            object="chat.completion.chunk",
            created=self._created_unix,
            model=self._model,
            choices=choices,
            usage=usage,
        )
        return frame(self._encode(chunk))

    def _around_content(self, index: int) -> tuple[bytes, bytes]:
        """What stands before and after the text in a content chunk."""
        event = self._choice_event(ChunkChoice(index, ChunkDelta(content="")))
        # Quotes inside a JSON string are escaped, so this can't be found in one.
        before, mark, after = event.partition(b'"content":""')
        return before + mark[:-2], after
