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

from piecesd.chat import Answer, ChatEvent, Delta, Finished, FinishReason, Usage
from piecesd.dialects.openai_errors import render_error
from piecesd.dialects.sse import frame
from piecesd.errors import ApiError, Language


class _UsageBody(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class _MessageBody(msgspec.Struct):
    role: Literal["assistant"]
    content: str
    refusal: None


class _ChoiceBody(msgspec.Struct):
    index: int
    message: _MessageBody
    logprobs: None
    finish_reason: FinishReason


class _Completion(msgspec.Struct):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[_ChoiceBody]
    usage: _UsageBody


class ChunkDelta(msgspec.Struct):
    """Empty in the last chunk of a choice."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    refusal: UnsetType | None = UNSET


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
    usage: _UsageBody | UnsetType | None


# Many clients cut a stream into lines with something like Python's splitlines(),
# which also cuts at these. They stand in JSON only inside strings, where an
# escape means the same.
_LINE_SEPARATORS = [
    ("\u0085".encode(), rb"\u0085"),
    ("\u2028".encode(), rb"\u2028"),
    ("\u2029".encode(), rb"\u2029"),
]


def line_safe(json: bytes) -> bytes:
    """The same JSON without a raw character that may be taken for a line's end."""
    for character, escape in _LINE_SEPARATORS:
        json = json.replace(character, escape)
    return json


def _usage_body(usage: Usage) -> _UsageBody:
    return _UsageBody(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
    )


def render_answer(answer: Answer, *, completion_id: str, created_unix: int, model: str) -> bytes:
    """The JSON body of a whole answer; ``model`` is the name the client used."""
    choices = [
        _ChoiceBody(
            index=index,
            message=_MessageBody(role="assistant", content=choice.text, refusal=None),
            logprobs=None,
            finish_reason=choice.reason,
        )
        for index, choice in enumerate(answer.choices)
    ]
    return msgspec.json.encode(
        _Completion(
            id=completion_id,
            object="chat.completion",
            created=created_unix,
            model=model,
            choices=choices,
            usage=_usage_body(answer.usage),
        )
    )


class ChunkRenderer:
    """Renders one streamed answer; every method returns whole SSE events.

    ``model`` is the name the client used, ``choices`` how many it asked for.
    """

    def __init__(
        self,
        *,
        completion_id: str,
        created_unix: int,
        model: str,
        choices: int,
        include_usage: bool,
    ) -> None:
        self._completion_id = completion_id
        self._created_unix = created_unix
        self._model = model
        self._include_usage = include_usage
        self._choices = range(choices)
        self._encode = msgspec.json.Encoder().encode
        # A stream is mostly content chunks, and they differ in nothing but the
        # text. With all around it rendered once, a Delta takes 0.2 µs rather
        # than the 1.6 µs of building, encoding and framing a Chunk. (CPython 3.11)
        around = [self._around_content(index) for index in self._choices]
        self._before_content = [before for before, _ in around]
        self._after_content = around[0][1]

    def opening(self) -> bytes:
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
            elif isinstance(event, Finished):
                parts.append(self._finish(event))
            elif self._include_usage:
                parts.append(self._event([], _usage_body(event)))
        return b"".join(parts)

    def done(self) -> bytes:
        """The end of a whole answer."""
        return frame(b"[DONE]")

    def error(self, error: ApiError, language: Language = "en") -> bytes:
        """The end of an answer that failed after its first byte was sent."""
        return frame(render_error(error, language))

    def _finish(self, event: Finished) -> bytes:
        return self._choice_event(
            ChunkChoice(event.choice, ChunkDelta(), finish_reason=event.reason)
        )

    def _choice_event(self, choice: ChunkChoice) -> bytes:
        return self._event([choice], None if self._include_usage else UNSET)

    def _event(self, choices: list[ChunkChoice], usage: _UsageBody | UnsetType | None) -> bytes:
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
