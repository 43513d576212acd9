"""The services' messages from their own side: requests read, replies written.

The mirror of `piecesd.families`, which sees them from the client's side.
"""

import time
from typing import Any, Protocol

from piecesd._pb import gpt_pb2, vertex_pb2
from piecesd.chat import ChatRequest
from piecesd.families.transcript import read_transcript

_NOT_UTF_8 = b"\xed\xa0"
"""Half of a surrogate pair, in bytes of the same number as `_PLACE`."""
_PLACE = "??"


class Wire(Protocol):
    """One service's messages. ``Any`` is a protobuf message of that service."""

    def read(self, message: Any) -> ChatRequest:
        """The conversation in a request, as far as the text form tells it."""

    def reply(self, code: int, text: str | None, number: int) -> Any:
        """A reply with ``code``, and with a body if there is a ``text``.

        :param number: of the call, for the services that name their answers.
        """


class GptWire:
    """``gpt.proto``; see `Wire`."""

    def read(self, message: gpt_pb2.GptRequest) -> ChatRequest:
        return ChatRequest(
            model=message.model,
            messages=tuple(m for part in message.messages for m in read_transcript(part.text)),
            temperature=message.temperature if message.HasField("temperature") else None,
            top_p=message.top_p if message.HasField("top_p") else None,
        )

    def reply(self, code: int, text: str | None, number: int) -> gpt_pb2.GptResponse:
        if text is None:
            return gpt_pb2.GptResponse(response_code=code)
        return gpt_pb2.GptResponse(
            response_code=code,
            body=gpt_pb2.GptBody(
                id=f"chatcmpl-{number}",
                object="chat.completion.chunk",
                created=int(time.time()),
                choice=gpt_pb2.GptChoice(index=1, message=gpt_pb2.GptMessage(role=1, text=text)),
            ),
        )


class VertexWire:
    """``vertex.proto``; see `Wire`."""

    def read(self, message: vertex_pb2.VertexRequest) -> ChatRequest:
        arguments = message.arguments
        return ChatRequest(
            model=message.model,
            messages=read_transcript(arguments.rules) + read_transcript(arguments.content.text),
        )

    def reply(self, code: int, text: str | None, number: int) -> vertex_pb2.VertexResponse:
        if text is None:
            return vertex_pb2.VertexResponse(response_code=code)
        content = vertex_pb2.VertexContent(kind=3, text=text)
        return vertex_pb2.VertexResponse(
            response_code=code,
            reply=vertex_pb2.VertexReply(body=vertex_pb2.VertexReplyBody(content=content)),
        )


def garbage(wire: Wire) -> bytes:
    """A reply whose text is not UTF-8, which only bytes can be."""
    raw: bytes = wire.reply(200, _PLACE, 0).SerializeToString()
    return raw.replace(_PLACE.encode(), _NOT_UTF_8)
