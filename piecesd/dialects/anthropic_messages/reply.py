"""Answers in the Anthropic API's shape: one ``message`` object, or a stream of
named events.

Usage tells of the cache what is so: nothing was written to one or read from one.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from piecesd.chat import (
    Answer,
    ChatEvent,
    Delta,
    Finished,
    FinishReason,
    Refused,
    ToolCallBegun,
    ToolCallDelta,
    Usage,
)
from piecesd.dialects.anthropic_errors import render_error
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.sse import CONTENT_TYPE, frame, line_safe
from piecesd.errors import ApiError, Language

StopReason = Literal["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"]

_STOP_REASONS: dict[FinishReason, StopReason] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
}


class TextBlock(msgspec.Struct, tag_field="type", tag="text"):
    text: str


class ToolUseBlock(msgspec.Struct, tag_field="type", tag="tool_use"):
    id: str
    name: str
    input: msgspec.Raw


Block = TextBlock | ToolUseBlock

_NO_INPUT = msgspec.Raw(b"{}")
"""What a streamed call begins with; its deltas are the whole of it."""


class StopDetails(msgspec.Struct, tag_field="type", tag="refusal"):
    """``category`` is a policy of Anthropic's; there is none of them here."""

    explanation: str
    category: None = None


class _Usage(msgspec.Struct):
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    service_tier: Literal["standard"] | UnsetType = UNSET


class Ending(msgspec.Struct):
    """How an answer ended, once it has."""

    stop_reason: StopReason | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | UnsetType = UNSET


class Message(msgspec.Struct):
    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[Block]
    stop_reason: StopReason | None
    stop_sequence: str | None
    usage: _Usage
    stop_details: StopDetails | UnsetType = UNSET


class Count(msgspec.Struct):
    input_tokens: int


class TextDelta(msgspec.Struct, tag_field="type", tag="text_delta"):
    text: str


class InputDelta(msgspec.Struct, tag_field="type", tag="input_json_delta"):
    partial_json: str


class Event(msgspec.Struct, tag_field="type"):
    """Its tag is the event's name, too."""


class MessageStart(Event, tag="message_start"):
    message: Message


class BlockStart(Event, tag="content_block_start"):
    index: int
    content_block: Block


class BlockDelta(Event, tag="content_block_delta"):
    index: int
    delta: TextDelta | InputDelta


class BlockStop(Event, tag="content_block_stop"):
    index: int


class MessageDelta(Event, tag="message_delta"):
    delta: Ending
    usage: _Usage


class MessageStop(Event, tag="message_stop"):
    pass


class Ping(Event, tag="ping"):
    pass


EVENTS = (MessageStart, BlockStart, BlockDelta, BlockStop, MessageDelta, MessageStop, Ping)


def render_count(input_tokens: int) -> bytes:
    """The JSON body that tells how many tokens a prompt has."""
    return msgspec.json.encode(Count(input_tokens))


def render_answer(answer: Answer, head: AnswerHead) -> bytes:
    """The JSON body of a whole answer, which has one choice."""
    (choice,) = answer.choices
    content: list[Block] = [TextBlock(choice.text)] if choice.text else []
    content += [
        ToolUseBlock(id=call.id, name=call.name, input=msgspec.Raw(call.arguments.encode()))
        for call in choice.tool_calls
    ]
    ending = _ending(choice.reason, choice.stop_sequence, choice.refusal)
    usage = _usage(answer.usage)
    usage.service_tier = "standard"
    return msgspec.json.encode(_message(head, content, ending, usage))


def _message(head: AnswerHead, content: list[Block], ending: Ending, usage: _Usage) -> Message:
    return Message(
        id=f"msg_{head.token}",
        type="message",
        role="assistant",
        model=head.model,
        content=content,
        stop_reason=ending.stop_reason,
        stop_sequence=ending.stop_sequence,
        usage=usage,
        stop_details=ending.stop_details,
    )


def _ending(reason: FinishReason, stop_sequence: str | None, refusal: str | None) -> Ending:
    if refusal is not None:
        return Ending("refusal", stop_details=StopDetails(refusal))
    if reason == "stop" and stop_sequence is not None:
        return Ending("stop_sequence", stop_sequence)
    return Ending(_STOP_REASONS[reason])


def _usage(usage: Usage) -> _Usage:
    return _Usage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)


def _event(event: Event) -> bytes:
    name = event.__struct_config__.tag
    assert isinstance(name, str)
    return frame(line_safe(msgspec.json.encode(event)), name)


class MessageStream:
    """Renders one streamed answer of one choice; see `StreamRenderer`.

    ``_block`` is the index of the content block that is open, or was last;
    ``_open`` what kind it is.
    """

    content_type = CONTENT_TYPE
    wants_input_tokens = True

    def __init__(self, head: AnswerHead) -> None:
        self._head = head
        self._encode = msgspec.json.Encoder().encode
        self._block = -1
        self._open: type[Block] | None = None
        self._refusal: str | None = None
        self._ending = Ending()
        self._around_text = (b"", b"")

    def opening(self, input_tokens: int | None) -> bytes:
        usage = _Usage(input_tokens=input_tokens or 0, output_tokens=0, service_tier="standard")
        start = MessageStart(_message(self._head, [], Ending(), usage))
        return _event(start) + self.keep_alive()

    def events(self, batch: Sequence[ChatEvent]) -> bytes:
        parts: list[bytes] = []
        for event in batch:
            if isinstance(event, Delta):
                if self._open is not TextBlock:
                    parts.append(self._begin(TextBlock("")))
                text = self._encode(event.text)
                before, after = self._around_text
                parts += (before, text if event.text.isascii() else line_safe(text), after)
            else:
                parts.append(self._other_event(event))
        return b"".join(parts)

    def _other_event(
        self, event: ToolCallBegun | ToolCallDelta | Refused | Finished | Usage
    ) -> bytes:
        match event:
            case ToolCallBegun(_, _, call_id, name):
                return self._begin(ToolUseBlock(id=call_id, name=name, input=_NO_INPUT))
            case ToolCallDelta(_, _, arguments):
                return _event(BlockDelta(self._block, InputDelta(arguments)))
            case Refused(_, text):
                self._refusal = text
                return b""
            case Finished(_, reason, stop_sequence):
                self._ending = _ending(reason, stop_sequence, self._refusal)
                return self._end_block()
            case Usage():
                return _event(MessageDelta(self._ending, _usage(event)))

    def keep_alive(self) -> bytes:
        return _event(Ping())

    def done(self) -> bytes:
        return _event(MessageStop())

    def error(self, error: ApiError, language: Language = "en") -> bytes:
        return frame(line_safe(render_error(error, language, self._head.request_id)), "error")

    def _begin(self, block: Block) -> bytes:
        ended = self._end_block()
        self._block += 1
        self._open = type(block)
        if isinstance(block, TextBlock):
            # A stream is mostly deltas of text, which differ in nothing else:
            # all around it is rendered once.
            before, _, after = _event(BlockDelta(self._block, TextDelta(""))).rpartition(b'""')
            self._around_text = (before, after)
        return ended + _event(BlockStart(self._block, block))

    def _end_block(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return _event(BlockStop(self._block))
