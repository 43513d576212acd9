"""The JSON body of a responses request, field by field.

As in `piecesd.dialects.openai_chat.body`, the annotations are the table of what
piecesd does with every field of the OpenAI API's "Create a model response"
reference and of the Open Responses specification.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from piecesd.dialects.fields import Refused, Treatment, is_falsy, never, only
from piecesd.dialects.json_body import ABSENT, AnyArray, AnyObject
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

LOGPROBS = "message.output_text.logprobs"


def _wants_no_logprobs(include: Sequence[str]) -> bool:
    """What else may be included belongs to tools that there are not here."""
    return LOGPROBS not in include


class PartBody(msgspec.Struct):
    """A part of a message or of a result; ``type`` says which field holds it."""

    type: str
    text: str | None = None
    refusal: str | None = None


class ItemBody(msgspec.Struct):
    """An item of the input, or of a response that was stored. ``type`` says what
    it is and which of the other fields it has; a message may go without."""

    type: Annotated[str | None, _HONOURED] = None
    role: Annotated[str | None, _PASSED_ON] = None
    content: Annotated[str | list[PartBody] | None, _PASSED_ON] = None
    id: Annotated[str | None, _HONOURED] = None
    call_id: Annotated[str | None, _HONOURED] = None
    name: Annotated[str | None, _HONOURED] = None
    arguments: Annotated[str | None, _HONOURED] = None
    output: Annotated[str | list[PartBody] | None, _HONOURED] = None
    status: Annotated[str | None, _NO_EFFECT] = None
    phase: Annotated[str | None, _NO_EFFECT] = None


class ResponseToolBody(msgspec.Struct):
    """A tool; the other fields are those of functions."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = ABSENT
    strict: bool | None = None


class AllowedToolBody(msgspec.Struct):
    type: str
    name: str | None = None


class ResponseToolChoiceBody(msgspec.Struct):
    """``type`` says which of the other fields it has."""

    type: str
    name: str | None = None
    mode: str | None = None
    tools: list[AllowedToolBody] | None = None


class FormatBody(msgspec.Struct):
    type: str
    name: str | None = None
    description: str | None = None
    schema: msgspec.Raw = ABSENT
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


class Body(msgspec.Struct):
    input: Annotated[str | list[ItemBody] | None, _PASSED_ON] = None
    model: Annotated[str | None, _PASSED_ON] = None
    instructions: Annotated[str | None, _PASSED_ON] = None
    temperature: Annotated[float | None, _PASSED_ON] = None
    top_p: Annotated[float | None, _PASSED_ON] = None
    max_output_tokens: Annotated[int | None, _HONOURED] = None
    stream: Annotated[bool | None, _HONOURED] = None
    store: Annotated[bool | None, _HONOURED] = None
    previous_response_id: Annotated[str | None, _HONOURED] = None
    tools: Annotated[list[ResponseToolBody] | None, _HONOURED] = None
    tool_choice: Annotated[str | ResponseToolChoiceBody | None, _HONOURED] = None
    parallel_tool_calls: Annotated[bool | None, _HONOURED] = None
    max_tool_calls: Annotated[int | None, _HONOURED] = None
    text: Annotated[TextBody | None, _HONOURED] = None
    metadata: Annotated[dict[str, str] | None, _HONOURED] = None
    user: Annotated[str | None, _HONOURED] = None
    safety_identifier: Annotated[str | None, _HONOURED] = None
    prompt_cache_key: Annotated[str | None, _HONOURED] = None

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
    include: Annotated[list[str] | None, Refused(_wants_no_logprobs, NO_LOGPROBS)] = None
    moderation: Annotated[AnyObject | None, Refused(never, NOT_MODERATED)] = None
    presence_penalty: Annotated[float | None, Refused(is_falsy, NO_SUCH_SETTING)] = None
    prompt: Annotated[AnyObject | None, Refused(never, NO_TEMPLATES)] = None
    top_logprobs: Annotated[int | None, Refused(is_falsy, NO_LOGPROBS)] = None
