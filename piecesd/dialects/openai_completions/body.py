"""The JSON body of a legacy completions request, field by field; see
`piecesd.dialects.fields`."""

from typing import Annotated

import msgspec

from piecesd.dialects.bounds import (
    MAX_CHOICES,
    Choices,
    ModelName,
    Positive,
    Share,
    Stops,
    Temperature,
)
from piecesd.dialects.fields import Refused, Treatment, is_falsy, never, only
from piecesd.dialects.openai_chat.body import StreamOptionsBody
from piecesd.dialects.refusals import NO_INSERTING, NO_LOGPROBS, NO_SUCH_SETTING
from piecesd.errors import Phrase

_PASSED_ON = Treatment.PASSED_ON
_HONOURED = Treatment.HONOURED
_NO_EFFECT = Treatment.NO_EFFECT

_NO_CHOOSING = Phrase(
    "without log probabilities there is no best one to choose.", "没有对数概率，无法选出最佳结果。"
)

_TEXTS = msgspec.Meta(
    extra_json_schema={
        "type": ["string", "array"],
        "items": {"type": "string"},
        "minItems": 1,
        "maxItems": MAX_CHOICES,
    }
)
"""What is accepted of a prompt's type; the rest is there to be refused by its name."""


class Body(msgspec.Struct):
    prompt: Annotated[str | list[str | int | list[int]] | None, _TEXTS, _PASSED_ON]
    model: Annotated[ModelName | None, _PASSED_ON] = None
    temperature: Annotated[Temperature | None, _PASSED_ON] = None
    top_p: Annotated[Share | None, _PASSED_ON] = None
    max_tokens: Annotated[Positive | None, _HONOURED] = None
    stop: Annotated[Stops | None, _HONOURED] = None
    n: Annotated[Choices | None, _HONOURED] = None
    echo: Annotated[bool | None, _HONOURED] = None
    stream: Annotated[bool | None, _HONOURED] = None
    stream_options: Annotated[StreamOptionsBody | None, _HONOURED] = None

    seed: Annotated[int | None, _NO_EFFECT] = None
    user: Annotated[str | None, _NO_EFFECT] = None

    best_of: Annotated[int | None, Refused(only(0, 1), _NO_CHOOSING)] = None
    frequency_penalty: Annotated[float | None, Refused(is_falsy, NO_SUCH_SETTING)] = None
    logit_bias: Annotated[dict[str, msgspec.Raw] | None, Refused(is_falsy, NO_SUCH_SETTING)] = None
    logprobs: Annotated[int | None, Refused(never, NO_LOGPROBS)] = None
    presence_penalty: Annotated[float | None, Refused(is_falsy, NO_SUCH_SETTING)] = None
    suffix: Annotated[str | None, Refused(is_falsy, NO_INSERTING)] = None
