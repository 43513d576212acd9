"""The OpenAI API from its client's side: what the relay sends and gets. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

import grpc
import msgspec

from piecesd.chat import ChatRequest
from piecesd.embedded.model import CallFailed, Piece
from piecesd.embedded.sse import BrokenEvents, EventReader

_DONE = "[DONE]"
_NOT_FINISHED = "the relay's server closed the answer before its end"


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: tuple[_Choice, ...] = ()
    error: Any = None


def request_body(request: ChatRequest, model: str) -> bytes:
    """The JSON that asks ``model`` for a streamed answer to ``request``.

    A message of the tool role becomes a user's: the API wants a tool's answer
    to name its call, which the services' text form does not keep.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": [
            {"role": "user" if message.role == "tool" else message.role, "content": message.text}
            for message in request.messages
        ],
        "stream": True,
    }
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    return msgspec.json.encode(body)


def name_there(model: str, model_map: Mapping[str, str]) -> str:
    """What the other server calls ``model``: by its entry, by that of ``*``,
    or the same."""
    return model_map.get(model) or model_map.get("*") or model


class AnswerReader:
    """Reads a streamed answer from bytes. Its last piece comes only when the
    server has said that the answer is whole."""

    def __init__(self) -> None:
        self._events = EventReader()
        self._is_whole = False
        self.is_over = False

    def feed(self, received: bytes) -> Iterator[Piece]:
        """The pieces that ``received`` brings. To be read to its end.

        :raises CallFailed: it is no answer, or the server reports an error;
            the pieces before that have come out.
        """
        try:
            for data in self._events.feed(received):
                if data == _DONE:
                    yield self._last()
                    return
                if text := self._text(data):
                    yield Piece(text, is_last=False)
        except (BrokenEvents, msgspec.DecodeError) as error:
            raise _broken(f"the relay's server sent no answer: {error}") from None

    def end(self) -> Piece:
        """The last piece, now that the connection has ended.

        :raises CallFailed: the answer was not whole.
        """
        if not self._is_whole:
            raise _broken(_NOT_FINISHED)
        return self._last()

    def _text(self, data: str) -> str:
        chunk = msgspec.json.decode(data, type=_Chunk)
        if chunk.error is not None:
            raise _broken("the relay's server reported an error")
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self._is_whole = self._is_whole or choice.finish_reason is not None
        return (choice.delta.content or "") if choice.delta is not None else ""

    def _last(self) -> Piece:
        self.is_over = True
        return Piece("", is_last=True)


def _broken(details: str) -> CallFailed:
    return CallFailed(grpc.StatusCode.INTERNAL, details)
