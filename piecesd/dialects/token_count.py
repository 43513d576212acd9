"""``POST /v1/token_count``: how many tokens a text has, or a conversation.

A conversation comes in the form of a chat completions request. Of that only the
fields are read that the model is told.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from piecesd.chat import ChatRequest
from piecesd.dialects import openai_chat
from piecesd.dialects.bounds import ModelName
from piecesd.dialects.fields import NEEDED, Treatment
from piecesd.dialects.json_body import AnyArray, AnyObject, decode_body
from piecesd.dialects.openai_errors import render_error
from piecesd.errors import InvalidValue, MissingParameter, Phrase

__all__ = ["Body", "CountCard", "CountRequest", "parse", "render_count", "render_error"]

_HONOURED = Treatment.HONOURED

_TEXT = msgspec.Meta(extra_json_schema={"type": "string"})
_NONE = msgspec.Meta(extra_json_schema={"type": "null"})


class Body(msgspec.Struct):
    """Of a text. Fields that only a conversation has are read by `openai_chat`,
    and one with a conversation is described as such a request."""

    model: Annotated[ModelName | None, _HONOURED] = None
    text: Annotated[str | None, _TEXT, NEEDED, _HONOURED] = None
    messages: Annotated[AnyArray | None, _NONE, _HONOURED] = None
    tools: Annotated[AnyArray | None, _HONOURED] = None
    tool_choice: Annotated[str | AnyObject | None, _HONOURED] = None
    parallel_tool_calls: Annotated[bool | None, _HONOURED] = None
    response_format: Annotated[AnyObject | None, _HONOURED] = None


_DECODER = msgspec.json.Decoder(Body)


@dataclass(frozen=True, kw_only=True, slots=True)
class CountRequest:
    """What is to be counted: a text, or a conversation and all that goes with it."""

    model: str
    content: str | ChatRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class CountCard:
    """``encoding`` is what was counted by, ``approximate`` whether the model's own
    count may be another."""

    model: str
    encoding: str
    tokens: int
    approximate: bool


class TokenCount(msgspec.Struct):
    object: Literal["token_count"]
    model: str
    encoding: str
    tokens: int
    approximate: bool


def parse(body: bytes, *, ignore_unsupported: bool) -> CountRequest:
    """Read the body of a request.

    :param ignore_unsupported: as for a chat completions request.
    :raises InvalidRequest: it is no such body, or has not one of text and messages.
    """
    wire = decode_body(_DECODER, body)
    model = wire.model or ""
    if wire.text is None:
        if wire.messages is None:
            raise MissingParameter(param="messages")
        call = openai_chat.parse(body, ignore_unsupported=ignore_unsupported)
        return CountRequest(model=model, content=call.request)
    if wire.messages is not None:
        raise InvalidValue(
            param="text",
            detail=Phrase("there are `messages` already.", "已提供 `messages`。"),
        )
    return CountRequest(model=model, content=wire.text)


def render_count(card: CountCard) -> bytes:
    """The JSON body that tells a count."""
    return msgspec.json.encode(
        TokenCount(
            object="token_count",
            model=card.model,
            encoding=card.encoding,
            tokens=card.tokens,
            approximate=card.approximate,
        )
    )
