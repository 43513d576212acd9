"""The JSON body of a request to ``/api/generate``, field by field; see
`piecesd.dialects.fields`."""

from typing import Annotated

import msgspec

from piecesd.dialects.bounds import ModelName
from piecesd.dialects.fields import Refused, Treatment, is_falsy
from piecesd.dialects.json_body import ABSENT, AnyArray
from piecesd.dialects.ollama_request import FormatText, NoImages, OptionsBody
from piecesd.dialects.refusals import NO_INSERTING, NO_LOGPROBS, NO_THINKING
from piecesd.errors import Phrase

_PASSED_ON = Treatment.PASSED_ON
_HONOURED = Treatment.HONOURED
_NO_EFFECT = Treatment.NO_EFFECT

_NO_TEMPLATES = Phrase("the services lay out the prompt themselves.", "提示的格式由上游服务决定。")
_NO_CONTEXT = Phrase(
    "a conversation is not told in tokens; send its messages to /api/chat.",
    "对话不以 token 表示；请将消息发送到 /api/chat。",
)


class Body(msgspec.Struct):
    model: Annotated[ModelName | None, _PASSED_ON] = None
    prompt: Annotated[str | None, _PASSED_ON] = None
    system: Annotated[str | None, _PASSED_ON] = None
    options: Annotated[OptionsBody | None, _HONOURED] = None
    stream: Annotated[bool | None, _HONOURED] = None
    format: Annotated[FormatText, _HONOURED] = ABSENT

    keep_alive: Annotated[str | float | None, _NO_EFFECT] = None
    images: Annotated[NoImages, _NO_EFFECT] = None
    truncate: Annotated[bool | None, _NO_EFFECT] = None
    shift: Annotated[bool | None, _NO_EFFECT] = None
    width: Annotated[int | None, _NO_EFFECT] = None
    height: Annotated[int | None, _NO_EFFECT] = None
    steps: Annotated[int | None, _NO_EFFECT] = None

    suffix: Annotated[str | None, Refused(is_falsy, NO_INSERTING)] = None
    template: Annotated[str | None, Refused(is_falsy, _NO_TEMPLATES)] = None
    raw: Annotated[bool | None, Refused(is_falsy, _NO_TEMPLATES)] = None
    context: Annotated[AnyArray | None, Refused(is_falsy, _NO_CONTEXT)] = None
    think: Annotated[bool | str | None, Refused(is_falsy, NO_THINKING)] = None
    logprobs: Annotated[bool | None, Refused(is_falsy, NO_LOGPROBS)] = None
    top_logprobs: Annotated[int | None, Refused(is_falsy, NO_LOGPROBS)] = None
