"""The JSON body of a chat completions request, field by field.

The annotations of `Body` and `MessageBody` are the table of what piecesd does
with every field of the OpenAI API's "Create chat completion" reference: its
type, and whether it is honoured, accepted without effect, or refused.
docs/parameters.md is the same table for people, and a test holds the two
together. Fields that stand in neither are accepted and not read.
"""

from typing import Annotated

import msgspec

from piecesd.chat import Role
from piecesd.dialects.bounds import (
    Choices,
    Messages,
    ModelName,
    Positive,
    Share,
    Stops,
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
from piecesd.dialects.json_body import AnyArray, AnyObject
from piecesd.dialects.openai_tools import (
    ResponseFormatBody,
    ToolCallBody,
    ToolChoiceBody,
    ToolChoiceMode,
    Tools,
)
from piecesd.dialects.refusals import (
    NO_AUDIO,
    NO_LOGPROBS,
    NO_SEARCH,
    NO_SUCH_SETTING,
    NOT_MODERATED,
    NOT_STORED,
    OLDER_THAN_TOOLS,
    TEXT_ONLY,
)

_PASSED_ON = Treatment.PASSED_ON
_HONOURED = Treatment.HONOURED
_NO_EFFECT = Treatment.NO_EFFECT

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
PART_TYPES = ("text", "refusal")

_CONTENT_NEEDED = NeededFor("role", ("system", "developer", "user", "tool"))


class PartBody(msgspec.Struct):
    """A part of a message's content; ``type`` says which field holds it."""

    type: Annotated[str, one_of(PART_TYPES)]
    text: Annotated[str | None, NeededFor("type", ("text",))] = None
    refusal: Annotated[str | None, NeededFor("type", ("refusal",))] = None


class MessageBody(msgspec.Struct):
    role: Annotated[str, one_of(ROLES), _PASSED_ON]
    content: Annotated[str | list[PartBody] | None, _CONTENT_NEEDED, _PASSED_ON] = None
    name: Annotated[str | None, _HONOURED] = None
    refusal: Annotated[str | None, _HONOURED] = None
    tool_call_id: Annotated[str | None, _HONOURED] = None
    tool_calls: Annotated[list[ToolCallBody] | None, _HONOURED] = None
    function_call: Annotated[AnyObject | None, Refused(never, OLDER_THAN_TOOLS)] = None
    audio: Annotated[AnyObject | None, Refused(never, NO_AUDIO)] = None


class StreamOptionsBody(msgspec.Struct):
    include_usage: Annotated[bool | None, _HONOURED] = None
    include_obfuscation: Annotated[bool | None, _NO_EFFECT] = None


class Body(msgspec.Struct):
    messages: Annotated[Messages[MessageBody], _PASSED_ON]
    model: Annotated[ModelName | None, _PASSED_ON] = None
    temperature: Annotated[Temperature | None, _PASSED_ON] = None
    top_p: Annotated[Share | None, _PASSED_ON] = None
    max_completion_tokens: Annotated[Positive | None, _HONOURED] = None
    max_tokens: Annotated[Positive | None, _HONOURED] = None
    stop: Annotated[Stops | None, _HONOURED] = None
    n: Annotated[Choices | None, _HONOURED] = None
    stream: Annotated[bool | None, _HONOURED] = None
    stream_options: Annotated[StreamOptionsBody | None, _HONOURED] = None
    tools: Annotated[Tools | None, _HONOURED] = None
    tool_choice: Annotated[ToolChoiceMode | ToolChoiceBody | None, _HONOURED] = None
    parallel_tool_calls: Annotated[bool | None, _HONOURED] = None
    response_format: Annotated[ResponseFormatBody | None, _HONOURED] = None

    metadata: Annotated[AnyObject | None, _NO_EFFECT] = None
    prompt_cache_key: Annotated[str | None, _NO_EFFECT] = None
    prompt_cache_options: Annotated[AnyObject | None, _NO_EFFECT] = None
    prompt_cache_retention: Annotated[str | None, _NO_EFFECT] = None
    safety_identifier: Annotated[str | None, _NO_EFFECT] = None
    seed: Annotated[int | None, _NO_EFFECT] = None
    service_tier: Annotated[str | None, _NO_EFFECT] = None
    user: Annotated[str | None, _NO_EFFECT] = None

    audio: Annotated[AnyObject | None, Refused(never, TEXT_ONLY)] = None
    frequency_penalty: Annotated[float | None, Refused(is_falsy, NO_SUCH_SETTING)] = None
    function_call: Annotated[
        str | AnyObject | None, Refused(only("none", "auto"), OLDER_THAN_TOOLS)
    ] = None
    functions: Annotated[AnyArray | None, Refused(is_falsy, OLDER_THAN_TOOLS)] = None
    logit_bias: Annotated[dict[str, msgspec.Raw] | None, Refused(is_falsy, NO_SUCH_SETTING)] = None
    logprobs: Annotated[bool | None, Refused(is_falsy, NO_LOGPROBS)] = None
    modalities: Annotated[list[str] | None, Refused(only([], ["text"]), TEXT_ONLY)] = None
    moderation: Annotated[AnyObject | None, Refused(never, NOT_MODERATED)] = None
    prediction: Annotated[AnyObject | None, Refused(never, NO_SUCH_SETTING)] = None
    presence_penalty: Annotated[float | None, Refused(is_falsy, NO_SUCH_SETTING)] = None
    reasoning_effort: Annotated[str | None, Refused(only("none"), NO_SUCH_SETTING)] = None
    store: Annotated[bool | None, Refused(is_falsy, NOT_STORED)] = None
    top_logprobs: Annotated[int | None, Refused(is_falsy, NO_LOGPROBS)] = None
    verbosity: Annotated[str | None, Refused(only("medium"), NO_SUCH_SETTING)] = None
    web_search_options: Annotated[AnyObject | None, Refused(never, NO_SEARCH)] = None
