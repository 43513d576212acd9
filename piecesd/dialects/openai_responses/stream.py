"""The events of a streamed response, in the order of the OpenAI API reference.

An item of the output is added, filled by deltas and done before the next one
is; the last event has the whole response. Every event has its number.
"""

from collections.abc import Sequence

import msgspec

from piecesd.chat import (
    ChatEvent,
    Delta,
    Finished,
    Refused,
    ToolCallBegun,
    ToolCallDelta,
    Usage,
)
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.openai_responses.items import (
    FunctionCallItem,
    Item,
    MessageItem,
    OutputText,
    Refusal,
    Status,
    item_id,
)
from piecesd.dialects.openai_responses.reply import Clock, Echo, Error, Response, begun, ended
from piecesd.dialects.sse import CONTENT_TYPE, KEEP_ALIVE, frame, line_safe
from piecesd.errors import ApiError, InvalidRequest, Language

Fields = dict[str, object]
Event = tuple[str, Fields]
"""The name of an event behind ``response.``, and its fields but for the number."""


class NumberedEvent(msgspec.Struct):
    """What each event has, for descriptions; the other fields go by its type."""

    type: str
    sequence_number: int


class _OpenText:
    """A message under way, of text or a refusal."""

    def __init__(self, message_id: str, place: Fields, kind: type[OutputText | Refusal]) -> None:
        self._id = message_id
        self._place = place
        self._part_place = {"item_id": message_id, **place, "content_index": 0}
        self._kind = kind
        self._pieces: list[str] = []
        self._name = "output_text" if kind is OutputText else "refusal"
        self._extra: Fields = {"logprobs": []} if kind is OutputText else {}

    def holds(self, kind: type[OutputText | Refusal]) -> bool:
        return self._kind is kind

    def added(self) -> list[Event]:
        return [
            ("output_item.added", self._place | {"item": self._item([], "in_progress")}),
            ("content_part.added", self._part_place | {"part": self._kind("")}),
        ]

    def grow(self, text: str) -> Event:
        self._pieces.append(text)
        return f"{self._name}.delta", self._part_place | {"delta": text} | self._extra

    def done(self, status: Status) -> list[Event]:
        text = "".join(self._pieces)
        key = "text" if self._kind is OutputText else "refusal"
        return [
            (f"{self._name}.done", self._part_place | {key: text} | self._extra),
            ("content_part.done", self._part_place | {"part": self._kind(text)}),
            ("output_item.done", self._place | {"item": self.item(status)}),
        ]

    def item(self, status: Status) -> MessageItem:
        return self._item([self._kind("".join(self._pieces))], status)

    def _item(self, content: list[OutputText | Refusal], status: Status) -> MessageItem:
        return MessageItem(id=self._id, status=status, role="assistant", content=[*content])


class _OpenCall:
    """A call under way."""

    def __init__(self, call_item_id: str, place: Fields, call_id: str, name: str) -> None:
        self._id = call_item_id
        self._place = place
        self._arguments_place = {"item_id": call_item_id, **place}
        self._call_id = call_id
        self._name = name
        self._pieces: list[str] = []

    def added(self) -> list[Event]:
        return [("output_item.added", self._place | {"item": self.item("in_progress")})]

    def grow(self, arguments: str) -> Event:
        self._pieces.append(arguments)
        return "function_call_arguments.delta", self._arguments_place | {"delta": arguments}

    def done(self, status: Status) -> list[Event]:
        arguments = "".join(self._pieces)
        return [
            (
                "function_call_arguments.done",
                self._arguments_place | {"name": self._name, "arguments": arguments},
            ),
            ("output_item.done", self._place | {"item": self.item(status)}),
        ]

    def item(self, status: Status) -> FunctionCallItem:
        return FunctionCallItem(
            id=self._id,
            status=status,
            call_id=self._call_id,
            name=self._name,
            arguments="".join(self._pieces),
        )


class ResponseRenderer:
    """Renders one streamed response: a `piecesd.dialects.dialect.StreamRenderer`.

    ``response`` is its JSON once it is whole; None before, and where it failed.

    :param first_number: of the items of the output.
    """

    content_type = CONTENT_TYPE
    wants_input_tokens = False

    def __init__(self, head: AnswerHead, echo: Echo, *, first_number: int, now: Clock) -> None:
        self.response: bytes | None = None
        self._token = head.token
        self._begun = begun(head, echo)
        self._first_number = first_number
        self._now = now
        self._encode = msgspec.json.Encoder().encode
        # The first two are those of the opening, which may be asked for later.
        self._next_number = 2
        self._output: list[Item] = []
        self._open: _OpenText | _OpenCall | None = None
        self._is_cut = False
        self._usage: Usage | None = None

    def opening(self, _input_tokens: int | None = None) -> bytes:
        """The response as it begins, twice, as the API has it."""
        response = self._encode(self._begun)
        return self._of_response("created", 0, response) + self._of_response(
            "in_progress", 1, response
        )

    def events(self, batch: Sequence[ChatEvent]) -> bytes:
        """What came of the answer since the last batch."""
        frames: list[bytes] = []
        for event in batch:
            frames += [
                self._frame(name, self._number(), fields) for name, fields in self._take(event)
            ]
        return b"".join(frames)

    def keep_alive(self) -> bytes:
        """A comment."""
        return KEEP_ALIVE

    def done(self) -> bytes:
        """The end of a whole response. OpenAI's own API sends no ``[DONE]`` here;
        Open Responses wants it, and the SDKs take it for the end of any stream."""
        assert self._usage is not None
        response = ended(self._begun, self._output, self._usage, is_cut=self._is_cut, now=self._now)
        self.response = self._encode(response)
        end = self._of_response(response.status, self._number(), self.response)
        return end + frame(b"[DONE]")

    def error(self, error: ApiError, language: Language = "en") -> bytes:
        """The end of a response that failed after its first byte was sent; what
        there is of it is in it."""
        unfinished = [] if self._open is None else [self._open.item("incomplete")]
        failed: Response = msgspec.structs.replace(
            self._begun,
            status="failed",
            output=[*self._output, *unfinished],
            error=_error(error, language),
        )
        return self._of_response("failed", self._number(), self._encode(failed))

    def _take(self, event: ChatEvent) -> list[Event]:
        match event:
            case Delta(_, text):
                return self._write(OutputText, text)
            case Refused(_, text):
                return self._write(Refusal, text)
            case ToolCallBegun(_, _, call_id, name):
                closed = self._close("completed")
                self._open = _OpenCall(self._new_id(FunctionCallItem), self._place, call_id, name)
                return [*closed, *self._open.added()]
            case ToolCallDelta(_, _, arguments):
                assert isinstance(self._open, _OpenCall)
                return [self._open.grow(arguments)]
            case Finished(_, reason):
                self._is_cut = reason == "length"
                added = [] if self._open or self._output else self._begin(OutputText)
                return [*added, *self._close("incomplete" if self._is_cut else "completed")]
            case Usage():
                self._usage = event
        return []

    def _write(self, kind: type[OutputText | Refusal], text: str) -> list[Event]:
        events: list[Event] = []
        if not (isinstance(self._open, _OpenText) and self._open.holds(kind)):
            events += self._close("completed")
            events += self._begin(kind)
        assert self._open is not None
        return [*events, self._open.grow(text)]

    def _begin(self, kind: type[OutputText | Refusal]) -> list[Event]:
        self._open = _OpenText(self._new_id(MessageItem), self._place, kind)
        return self._open.added()

    def _close(self, status: Status) -> list[Event]:
        """End the item that is under way, if one is."""
        item, self._open = self._open, None
        if item is None:
            return []
        self._output.append(item.item(status))
        return item.done(status)

    @property
    def _place(self) -> Fields:
        return {"output_index": len(self._output)}

    def _new_id(self, kind: type[Item]) -> str:
        return item_id(kind, self._token, self._first_number + len(self._output))

    def _frame(self, name: str, number: int, fields: Fields) -> bytes:
        kind = f"response.{name}"
        numbered = {"type": kind, "sequence_number": number, **fields}
        return frame(line_safe(self._encode(numbered)), event=kind)

    def _of_response(self, name: str, number: int, response: bytes) -> bytes:
        return self._frame(name, number, {"response": msgspec.Raw(response)})

    def _number(self) -> int:
        number = self._next_number
        self._next_number += 1
        return number


def _error(error: ApiError, language: Language) -> Error:
    message = error.message(language)
    if error.code == "rate_limit_exceeded":
        return Error("rate_limit_exceeded", message)
    if isinstance(error, InvalidRequest):
        return Error("invalid_prompt", message)
    return Error("server_error", message)
