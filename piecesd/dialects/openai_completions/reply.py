"""Answers in the shape of the OpenAI API's legacy completions: one
``text_completion`` object, or a stream of them."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from piecesd.chat import Answer, ChatEvent, Delta, Finished, FinishReason, Usage
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.openai_stream import OpenAiStream, UsageBody, usage_body
from piecesd.dialects.sse import frame, line_safe


class _Choice(msgspec.Struct):
    text: str
    index: int
    logprobs: None = None
    finish_reason: FinishReason | None = None


class Completion(msgspec.Struct):
    """Whole, or one event's: the two differ in nothing else. ``usage`` is there,
    with null, in every event but the last when the client asked for usage, and
    in none when it didn't."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[_Choice]
    usage: UsageBody | UnsetType | None = UNSET


def _completion(
    head: AnswerHead, choices: list[_Choice], usage: UsageBody | UnsetType | None
) -> bytes:
    return msgspec.json.encode(
        Completion(
            id=f"cmpl-{head.token}",
            object="text_completion",
            created=head.created_unix,
            model=head.model,
            choices=choices,
            usage=usage,
        )
    )


def render_answer(answer: Answer, head: AnswerHead, echoes: Sequence[str]) -> bytes:
    """The JSON body of a whole answer; each of ``echoes`` stands before the text
    of its choice."""
    choices = [
        _Choice(echo + choice.text, index, finish_reason=choice.reason)
        for index, (echo, choice) in enumerate(zip(echoes, answer.choices, strict=True))
    ]
    return _completion(head, choices, usage_body(answer.usage))


class ChunkRenderer(OpenAiStream):
    """Renders one streamed answer, as `render_answer` does a whole one."""

    def __init__(self, head: AnswerHead, *, echoes: Sequence[str], include_usage: bool) -> None:
        self._head = head
        self._echoes = echoes
        self._include_usage = include_usage

    def opening(self, _input_tokens: int | None = None) -> bytes:
        """The prompt of each choice that is to be echoed."""
        return b"".join(
            self._event([_Choice(echo, index)]) for index, echo in enumerate(self._echoes) if echo
        )

    def events(self, batch: Sequence[ChatEvent]) -> bytes:
        """What came of the answer since the last batch."""
        parts: list[bytes] = []
        for event in batch:
            match event:
                case Delta(choice, text):
                    parts.append(self._event([_Choice(text, choice)]))
                case Finished(choice, reason):
                    parts.append(self._event([_Choice("", choice, finish_reason=reason)]))
                case Usage() if self._include_usage:
                    parts.append(frame(_completion(self._head, [], usage_body(event))))
        return b"".join(parts)

    def _event(self, choices: list[_Choice]) -> bytes:
        usage = None if self._include_usage else UNSET
        return frame(line_safe(_completion(self._head, choices, usage)))
