"""The JSON body of a responses request, field by field.

As in `piecesd.dialects.openai_chat.body`, the annotations are the table of what
piecesd does with every field of the OpenAI API's "Create a model response"
reference and of the Open Responses specification.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from piecesd.chat import Role
from piecesd.dialects.bounds import (
    MAX_MESSAGES,
    Label,
    Name,
    Positive,
    Share,
    Temperature,
)
from piecesd.dialects.fields import (
    NeededFor,
    Refused,
    Treatment,
    is_falsy,
    never,
    one_of,
    only,
)
from piecesd.dialects.json_body import ABSENT, AnyArray, AnyObject, ObjectText
from piecesd.dialects.openai_tools import MAX_TOOLS, TOOL_NAME, ToolChoiceMode
from piecesd.dialects.refusals import (
    NO_CONVERSATIONS,
    NO_LOGPROBS,
    NO_SUCH_SETTING,
    NO_TEMPLATES,
    NOT_COMPACTED,
    NOT_IN_BACKGROUND,
    NOT_MODERATED,
)

_PASSED_ON = Treatment.PASSED_ON
_HONOURED = Treatment.HONOURED
_NO_EFFECT = Treatment.NO_EFFECT

ROLES: dict[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
}
TEXTS = ("input_text", "output_text", "text")
ITEM_TYPES = (
    None,
    "message",
    "function_call",
    "function_call_output",
    "item_reference",
    "reasoning",
)

MAX_METADATA = 16
MAX_METADATA_KEY_CHARACTERS = 64
MAX_METADATA_VALUE_CHARACTERS = 512
"""The reference's own bounds."""

_OF_TEXTS = {"items": {"properties": {"type": {"enum": [*TEXTS]}}}}
_OF_PARTS = {"items": {"properties": {"type": {"enum": [*TEXTS, "refusal"]}}}}
_OF_MESSAGES = ("message",)
_OF_CALLS = NeededFor("type", ("function_call",))
_OF_BOTH = NeededFor("type", ("function_call", "function_call_output"))
_MODES = {"enum": ["auto", "none", "required"]}
_METADATA = msgspec.Meta(
    extra_json_schema={
        "maxProperties": MAX_METADATA,
        "propertyNames": {"maxLength": MAX_METADATA_KEY_CHARACTERS},
        "additionalProperties": {"type": "string", "maxLength": MAX_METADATA_VALUE_CHARACTERS},
    }
)

LOGPROBS = "message.output_text.logprobs"


def _wants_no_logprobs(include: Sequence[str]) -> bool:
    """What else may be included belongs to tools that there are not here."""
    return LOGPROBS not in include


_WITHOUT_LOGPROBS = {"items": {"not": {"const": LOGPROBS}}}


class PartBody(msgspec.Struct):
    """A part of a message or of a result; ``type`` says which field holds it."""

    type: str
    text: Annotated[str | None, NeededFor("type", TEXTS)] = None
    refusal: Annotated[str | None, NeededFor("type", ("refusal",))] = None


class ItemBody(msgspec.Struct):
    """An item of the input, or of a response that was stored. ``type`` says what
    it is and which of the other fields it has; a message may go without."""

    type: Annotated[str | None, one_of(ITEM_TYPES), _HONOURED] = None
    role: Annotated[str | None, NeededFor("type", _OF_MESSAGES, {"enum": [*ROLES]}), _PASSED_ON] = (
        None
    )
    content: Annotated[
        str | list[PartBody] | None, NeededFor("type", _OF_MESSAGES, _OF_PARTS), _PASSED_ON
    ] = None
    id: Annotated[Label | None, NeededFor("type", ("item_reference",)), _HONOURED] = None
    call_id: Annotated[Name | None, _OF_BOTH, _HONOURED] = None
    name: Annotated[Name | None, _OF_CALLS, _HONOURED] = None
    arguments: Annotated[str | None, _OF_CALLS, _HONOURED] = None
    output: Annotated[
        str | list[PartBody] | None,
        NeededFor("type", ("function_call_output",), _OF_TEXTS),
        _HONOURED,
    ] = None
    status: Annotated[str | None, _NO_EFFECT] = None
    phase: Annotated[str | None, _NO_EFFECT] = None


class ResponseToolBody(msgspec.Struct):
    """A tool; the other fields are those of functions."""

    type: Annotated[str, one_of(("function",))]
    name: Annotated[str | None, NeededFor("type", ("function",), TOOL_NAME)] = None
    description: str | None = None
    parameters: ObjectText = ABSENT
    strict: bool | None = None


class AllowedToolBody(msgspec.Struct):
    type: Annotated[str, one_of(("function",))]
    name: Annotated[str | None, NeededFor("type", ("function",))] = None


class ResponseToolChoiceBody(msgspec.Struct):
    """``type`` says which of the other fields it has."""

    type: Annotated[str, one_of(("function", "allowed_tools"))]
    name: Annotated[str | None, NeededFor("type", ("function",))] = None
    mode: Annotated[str | None, NeededFor("type", ("allowed_tools",), _MODES)] = None
    tools: list[AllowedToolBody] | None = None


class FormatBody(msgspec.Struct):
    type: Annotated[str, one_of(("text", "json_object", "json_schema"))]
    name: Annotated[str | None, NeededFor("type", ("json_schema",), TOOL_NAME)] = None
    description: str | None = None
    schema: Annotated[ObjectText, NeededFor("type", ("json_schema",), {"type": "object"})] = ABSENT
    strict: bool | None = None


class TextBody(msgspec.Struct):
    format: Annotated[FormatBody | None, _HONOURED] = None
    verbosity: Annotated[str | None, Refused(only("medium"), NO_SUCH_SETTING)] = None


class ReasoningBody(msgspec.Struct):
    effort: Annotated[str | None, Refused(only("none"), NO_SUCH_SETTING)] = None
    mode: Annotated[str | None, Refused(only("standard"), NO_SUCH_SETTING)] = None
    summary: Annotated[str | None, _NO_EFFECT] = None
    generate_summary: Annotated[str | None, _NO_EFFECT] = None
    context: Annotated[str | None, _NO_EFFECT] = None


class StreamOptionsBody(msgspec.Struct):
    include_obfuscation: Annotated[bool | None, _NO_EFFECT] = None


_Items = Annotated[list[ItemBody], msgspec.Meta(max_length=MAX_MESSAGES)]
_Tools = Annotated[list[ResponseToolBody], msgspec.Meta(max_length=MAX_TOOLS)]


class Body(msgspec.Struct):
    input: Annotated[str | _Items | None, _PASSED_ON] = None
    model: Annotated[Label | None, _PASSED_ON] = None
    instructions: Annotated[str | None, _PASSED_ON] = None
    temperature: Annotated[Temperature | None, _PASSED_ON] = None
    top_p: Annotated[Share | None, _PASSED_ON] = None
    max_output_tokens: Annotated[Positive | None, _HONOURED] = None
    stream: Annotated[bool | None, _HONOURED] = None
    store: Annotated[bool | None, _HONOURED] = None
    previous_response_id: Annotated[Label | None, _HONOURED] = None
    tools: Annotated[_Tools | None, _HONOURED] = None
    tool_choice: Annotated[ToolChoiceMode | ResponseToolChoiceBody | None, _HONOURED] = None
    parallel_tool_calls: Annotated[bool | None, _HONOURED] = None
    max_tool_calls: Annotated[Positive | None, _HONOURED] = None
    text: Annotated[TextBody | None, _HONOURED] = None
    metadata: Annotated[dict[str, str] | None, _METADATA, _HONOURED] = None
    user: Annotated[Label | None, _HONOURED] = None
    safety_identifier: Annotated[Label | None, _HONOURED] = None
    prompt_cache_key: Annotated[Label | None, _HONOURED] = None

    access_programs: Annotated[AnyObject | None, _NO_EFFECT] = None
    background_options: Annotated[AnyObject | None, _NO_EFFECT] = None
    image: Annotated[AnyObject | None, _NO_EFFECT] = None
    prompt_cache_options: Annotated[AnyObject | None, _NO_EFFECT] = None
    prompt_cache_retention: Annotated[str | None, _NO_EFFECT] = None
    reasoning: Annotated[ReasoningBody | None, _NO_EFFECT] = None
    service_tier: Annotated[str | None, _NO_EFFECT] = None
    stream_options: Annotated[StreamOptionsBody | None, _NO_EFFECT] = None
    truncation: Annotated[str | None, _NO_EFFECT] = None

    background: Annotated[bool | None, Refused(is_falsy, NOT_IN_BACKGROUND)] = None
    context_management: Annotated[AnyArray | None, Refused(is_falsy, NOT_COMPACTED)] = None
    conversation: Annotated[str | AnyObject | None, Refused(never, NO_CONVERSATIONS)] = None
    frequency_penalty: Annotated[float | None, Refused(is_falsy, NO_SUCH_SETTING)] = None
    include: Annotated[
        list[str] | None, Refused(_wants_no_logprobs, NO_LOGPROBS, fits=_WITHOUT_LOGPROBS)
    ] = None
    moderation: Annotated[AnyObject | None, Refused(never, NOT_MODERATED)] = None
    presence_penalty: Annotated[float | None, Refused(is_falsy, NO_SUCH_SETTING)] = None
    prompt: Annotated[AnyObject | None, Refused(never, NO_TEMPLATES)] = None
    top_logprobs: Annotated[int | None, Refused(is_falsy, NO_LOGPROBS)] = None
