"""Answers in the shape of Ollama's API: one object, or a stream of lines with
one each, the last of which has the figures of the whole.

``created_at`` is when the request was taken up. Durations are in nanoseconds.
How long a service took to read a prompt it tells nobody: of a streamed answer
``prompt_eval_duration`` is the time until its first piece, of a whole one 0,
and ``eval_duration`` the rest. Nothing is loaded, so ``load_duration`` is 0.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from piecesd.chat import (
    Answer,
    ChatEvent,
    ChatRequest,
    Delta,
    Finished,
    FinishReason,
    Refused,
    ToolCall,
    ToolCallBegun,
    ToolCallDelta,
    Usage,
)
from piecesd.dialects.dialect import Acknowledgement, AnswerHead
from piecesd.dialects.ollama_errors import render_error
from piecesd.dialects.sse import line_safe
from piecesd.errors import ApiError, Language, Phrase, UpstreamBroken

NDJSON = "application/x-ndjson"

_NOT_THE_FORMAT = Phrase(
    "the model gave no answer of the format asked for", "模型没有给出所要求格式的回答"
)

DoneReason = Literal["stop", "length", "load", "unload"]

_DONE_REASONS: dict[FinishReason, DoneReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "stop",
}


class _Called(msgspec.Struct):
    index: int
    name: str
    arguments: msgspec.Raw


class _ToolCall(msgspec.Struct):
    id: str
    function: _Called


class MessageBody(msgspec.Struct):
    role: Literal["assistant"]
    content: str
    tool_calls: list[_ToolCall] | UnsetType = UNSET


class Line(msgspec.Struct, kw_only=True):
    """``message`` is chat's, ``response`` generate's; the figures are the last line's."""

    model: str
    created_at: str
    message: MessageBody | UnsetType = UNSET
    response: str | UnsetType = UNSET
    done: bool = False
    done_reason: DoneReason | UnsetType = UNSET
    total_duration: int | UnsetType = UNSET
    load_duration: int | UnsetType = UNSET
    prompt_eval_count: int | UnsetType = UNSET
    prompt_eval_duration: int | UnsetType = UNSET
    eval_count: int | UnsetType = UNSET
    eval_duration: int | UnsetType = UNSET


NewLine = Callable[[AnswerHead, str, Sequence[ToolCall]], Line]
"""A line with a text and calls, as chat or generate has it."""


def new_chat_line(head: AnswerHead, text: str, calls: Sequence[ToolCall]) -> Line:
    bodies = [
        _ToolCall(call.id, _Called(index, call.name, _object(call.arguments)))
        for index, call in enumerate(calls)
    ]
    return Line(
        model=head.model,
        created_at=rfc3339(head.created_unix),
        message=MessageBody("assistant", text, bodies or UNSET),
    )


def new_generate_line(head: AnswerHead, text: str, _calls: Sequence[ToolCall]) -> Line:
    """There are no tools, so there are no calls."""
    return Line(model=head.model, created_at=rfc3339(head.created_unix), response=text)


def rfc3339(unix_seconds: int) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, kw_only=True, slots=True)
class OllamaCall:
    """A request, and how its answer is to be sent."""

    request: ChatRequest
    stream: bool
    new_line: NewLine

    def render_answer(self, answer: Answer, head: AnswerHead) -> bytes:
        """:raises UpstreamBroken: it has not the format asked for; the API has
        no other way to say so."""
        (choice,) = answer.choices
        if choice.refusal is not None:
            raise UpstreamBroken(detail=_NOT_THE_FORMAT)
        line = self.new_line(head, choice.text, choice.tool_calls)
        _finish(line, choice.reason, answer.usage, 0.0, head.elapsed_seconds())
        return msgspec.json.encode(line)

    def stream_renderer(self, head: AnswerHead) -> "LineRenderer":
        return LineRenderer(head, self.new_line)


def acknowledgement(model: str, new_line: NewLine, *, unload: bool) -> Acknowledgement:
    """The answer to a request without any words, by which a client has a model
    loaded or given up. One that is served is always there."""
    reason: DoneReason = "unload" if unload else "load"
    return Acknowledgement(model=model, render=partial(_render_empty, new_line, reason))


def _render_empty(new_line: NewLine, reason: DoneReason, head: AnswerHead) -> bytes:
    line = new_line(head, "", ())
    line.done, line.done_reason = True, reason
    return msgspec.json.encode(line)


class LineRenderer:
    """Renders one streamed answer."""

    content_type = NDJSON
    wants_input_tokens = False

    def __init__(self, head: AnswerHead, new_line: NewLine) -> None:
        self._head = head
        self._new_line = new_line
        self._reason: FinishReason = "stop"
        self._usage = Usage(input_tokens=0, output_tokens=0)
        self._first_seconds: float | None = None
        self._calls: list[ToolCall] = []
        self._encode = msgspec.json.Encoder().encode
        # As in the OpenAI dialect: lines differ in the text alone.
        mark = self._encode("\0")
        self._before_text, _, self._after_text = self._line("\0").rpartition(mark)

    def opening(self, _input_tokens: int | None = None) -> bytes:
        """Nothing: each line says all that there is to say."""
        return b""

    def events(self, batch: Sequence[ChatEvent]) -> bytes:
        """What came of the answer since the last batch.

        :raises UpstreamBroken: it has not the format asked for.
        """
        if self._first_seconds is None:
            self._first_seconds = self._head.elapsed_seconds()
        return b"".join(map(self._event, batch))

    def _event(self, event: ChatEvent) -> bytes:
        match event:
            case Delta(_, text):
                content = self._encode(text)
                if not text.isascii():
                    content = line_safe(content)
                return self._before_text + content + self._after_text
            case ToolCallBegun(_, _, call_id, name):
                self._calls.append(ToolCall(id=call_id, name=name, arguments=""))
            case ToolCallDelta(_, _, arguments):
                call = self._calls[-1]
                whole = call.arguments + arguments
                self._calls[-1] = ToolCall(id=call.id, name=call.name, arguments=whole)
            case Refused():
                raise UpstreamBroken(detail=_NOT_THE_FORMAT)
            case Finished(_, reason):
                self._reason = reason
                return self._line("", self._calls) if self._calls else b""
            case Usage():
                self._usage = event
        return b""

    def keep_alive(self) -> bytes:
        """A line with no text: there are no comments in NDJSON."""
        return self._line("")

    def done(self) -> bytes:
        """The last line of a whole answer."""
        line = self._new_line(self._head, "", ())
        first = self._first_seconds or 0.0
        _finish(line, self._reason, self._usage, first, self._head.elapsed_seconds())
        return self._encode(line) + b"\n"

    def error(self, error: ApiError, language: Language = "en") -> bytes:
        """The last line of an answer that failed after its first byte was sent."""
        return line_safe(render_error(error, language)) + b"\n"

    def _line(self, text: str, calls: Sequence[ToolCall] = ()) -> bytes:
        return line_safe(self._encode(self._new_line(self._head, text, calls))) + b"\n"


def _finish(
    line: Line, reason: FinishReason, usage: Usage, first_seconds: float, total_seconds: float
) -> None:
    """Make ``line`` the last."""
    line.done, line.done_reason = True, _DONE_REASONS[reason]
    line.total_duration = _nanoseconds(total_seconds)
    line.load_duration = 0
    line.prompt_eval_count = usage.input_tokens
    line.prompt_eval_duration = _nanoseconds(first_seconds)
    line.eval_count = usage.output_tokens
    line.eval_duration = line.total_duration - line.prompt_eval_duration


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)


def _object(arguments: str) -> msgspec.Raw:
    """The text of a JSON object, fit for a line: a model may have written it on
    several, and with what Python takes for a number and JSON does not."""
    value = json.loads(arguments, parse_constant=lambda _name: None)
    return msgspec.Raw(json.dumps(value).encode())
