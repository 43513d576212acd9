"""The JSON body of a request to ``/api/chat``, field by field; see
`piecesd.dialects.fields`."""

from typing import Annotated

import msgspec

from piecesd.dialects.fields import Refused, Treatment, is_falsy
from piecesd.dialects.json_body import ABSENT, AnyArray
from piecesd.dialects.ollama_request import OptionsBody
from piecesd.dialects.openai_tools import ToolBody
from piecesd.dialects.refusals import NO_LOGPROBS, NO_THINKING

_PASSED_ON = Treatment.PASSED_ON
_HONOURED = Treatment.HONOURED
_NO_EFFECT = Treatment.NO_EFFECT


class CalledBody(msgspec.Struct):
    """``arguments`` is an object."""

    name: str
    arguments: msgspec.Raw = ABSENT


class ToolCallBody(msgspec.Struct):
    function: CalledBody
    id: str | None = None


class MessageBody(msgspec.Struct):
    role: Annotated[str, _PASSED_ON]
    content: Annotated[str | None, _PASSED_ON] = None
    tool_calls: Annotated[list[ToolCallBody] | None, _HONOURED] = None
    tool_name: Annotated[str | None, _HONOURED] = None
    tool_call_id: Annotated[str | None, _HONOURED] = None
    thinking: Annotated[str | None, _NO_EFFECT] = None
    images: Annotated[AnyArray | None, _NO_EFFECT] = None


class Body(msgspec.Struct):
    model: Annotated[str | None, _PASSED_ON] = None
    messages: Annotated[list[MessageBody] | None, _PASSED_ON] = None
    options: Annotated[OptionsBody | None, _HONOURED] = None
    stream: Annotated[bool | None, _HONOURED] = None
    format: Annotated[msgspec.Raw, _HONOURED] = ABSENT
    tools: Annotated[list[ToolBody] | None, _HONOURED] = None

    keep_alive: Annotated[str | float | None, _NO_EFFECT] = None
    truncate: Annotated[bool | None, _NO_EFFECT] = None
    shift: Annotated[bool | None, _NO_EFFECT] = None

    think: Annotated[bool | str | None, Refused(is_falsy, NO_THINKING)] = None
    logprobs: Annotated[bool | None, Refused(is_falsy, NO_LOGPROBS)] = None
    top_logprobs: Annotated[int | None, Refused(is_falsy, NO_LOGPROBS)] = None
