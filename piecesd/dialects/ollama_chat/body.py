"""The JSON body of a request to ``/api/chat``, field by field; see
`piecesd.dialects.fields`."""

from typing import Annotated

import msgspec

from piecesd.chat import Role
from piecesd.dialects.bounds import MAX_MESSAGES, CallId, ModelName
from piecesd.dialects.fields import Refused, Treatment, is_falsy
from piecesd.dialects.json_body import ABSENT, ObjectText
from piecesd.dialects.ollama_request import FormatText, NoImages, OptionsBody
from piecesd.dialects.openai_tools import Tools
from piecesd.dialects.refusals import NO_LOGPROBS, NO_THINKING

_PASSED_ON = Treatment.PASSED_ON
_HONOURED = Treatment.HONOURED
_NO_EFFECT = Treatment.NO_EFFECT


ROLES: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


_ROLE = msgspec.Meta(
    extra_json_schema={
        "pattern": "^({})$".format(
            "|".join("".join(f"[{c}{c.upper()}]" for c in role) for role in ROLES)
        )
    }
)
"""Ollama cares for no capitals; JSON Schema's expressions have no such switch."""


class CalledBody(msgspec.Struct):
    """``arguments`` is an object."""

    name: str
    arguments: ObjectText = ABSENT


class ToolCallBody(msgspec.Struct):
    function: CalledBody
    id: CallId | None = None


class MessageBody(msgspec.Struct):
    role: Annotated[str, _ROLE, _PASSED_ON]
    content: Annotated[str | None, _PASSED_ON] = None
    tool_calls: Annotated[list[ToolCallBody] | None, _HONOURED] = None
    tool_name: Annotated[str | None, _HONOURED] = None
    tool_call_id: Annotated[str | None, _HONOURED] = None
    thinking: Annotated[str | None, _NO_EFFECT] = None
    images: Annotated[NoImages, _NO_EFFECT] = None


_Messages = Annotated[list[MessageBody], msgspec.Meta(max_length=MAX_MESSAGES)]


class Body(msgspec.Struct):
    model: Annotated[ModelName | None, _PASSED_ON] = None
    messages: Annotated[_Messages | None, _PASSED_ON] = None
    options: Annotated[OptionsBody | None, _HONOURED] = None
    stream: Annotated[bool | None, _HONOURED] = None
    format: Annotated[FormatText, _HONOURED] = ABSENT
    tools: Annotated[Tools | None, _HONOURED] = None

    keep_alive: Annotated[str | float | None, _NO_EFFECT] = None
    truncate: Annotated[bool | None, _NO_EFFECT] = None
    shift: Annotated[bool | None, _NO_EFFECT] = None

    think: Annotated[bool | str | None, Refused(is_falsy, NO_THINKING)] = None
    logprobs: Annotated[bool | None, Refused(is_falsy, NO_LOGPROBS)] = None
    top_logprobs: Annotated[int | None, Refused(is_falsy, NO_LOGPROBS)] = None
