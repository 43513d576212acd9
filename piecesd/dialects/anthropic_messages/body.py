"""The JSON body of a Messages request, field by field; see
`piecesd.dialects.fields`.

Fields that the reference has only with a beta header are known without it.
``temperature``, ``top_p`` and ``top_k`` are those of its earlier editions, which
the models here are older than.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from piecesd.dialects.bounds import (
    Messages,
    ModelName,
    Name,
    Positive,
    Share,
    StopSequence,
)
from piecesd.dialects.fields import (
    NEEDED,
    NeededFor,
    Refused,
    Treatment,
    is_falsy,
    never,
    one_of,
    only,
)
from piecesd.dialects.json_body import ABSENT, AnyArray, AnyObject, ObjectText
from piecesd.dialects.openai_tools import named
from piecesd.dialects.refusals import NO_SUCH_SETTING, NOT_STORED
from piecesd.errors import Phrase

_PASSED_ON = Treatment.PASSED_ON
_HONOURED = Treatment.HONOURED
_NO_EFFECT = Treatment.NO_EFFECT

_NO_THINKING = Phrase("the services don't show their thinking.", "上游服务不提供思考过程。")
_NO_CONTAINERS = Phrase("no code is run here.", "此服务不运行代码。")
_NO_REGIONS = Phrase("where the services run can't be chosen.", "无法选择上游服务的运行区域。")
_NO_MCP = Phrase("no MCP servers are called here.", "此服务不调用 MCP 服务器。")
_NO_EDITING = Phrase(
    "conversations are sent as they are, and not shortened.", "对话按原样发送，不会被缩短。"
)
_DIRECT_ONLY = Phrase("only the model itself can call tools.", "只有模型本身可以调用工具。")

BLOCKS: dict[str, frozenset[str]] = {
    "user": frozenset({"text", "tool_result"}),
    "assistant": frozenset({"text", "tool_use"}),
    "system": frozenset({"text"}),
}
"""The roles that messages may have, and what stands in them."""

CHOICES = ("auto", "any", "tool", "none")
FORMATS = ("json_schema",)

MAX_TOOLS = 1000
"""The reference names no bound; agents send some hundreds."""

MAX_STOPS = 64
"""The reference names no bound."""

MAX_NAME = 128

ToolName = Annotated[str, Meta(extra_json_schema=named(MAX_NAME))]
_BLOCK_TYPES = sorted(frozenset[str]().union(*BLOCKS.values()))
_List = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": ["array", "null"]})]
_Object = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]
_FOR_CALLS = NeededFor("type", ("tool_use",))
_FOR_TEXTS = NeededFor("type", ("text",))


class ResultPartBody(msgspec.Struct):
    """A part of a tool's result; ``type`` says which field holds it."""

    type: Annotated[str, one_of(("text",))]
    text: Annotated[str | None, _FOR_TEXTS] = None


class BlockBody(msgspec.Struct):
    """A part of a message's content; ``type`` says which fields hold it."""

    type: Annotated[str, one_of(_BLOCK_TYPES), _HONOURED]
    text: Annotated[str | None, _FOR_TEXTS, _PASSED_ON] = None
    id: Annotated[Name | None, _FOR_CALLS, _HONOURED] = None
    name: Annotated[Name | None, _FOR_CALLS, _HONOURED] = None
    input: Annotated[ObjectText, _HONOURED] = ABSENT
    tool_use_id: Annotated[Name | None, NeededFor("type", ("tool_result",)), _HONOURED] = None
    content: Annotated[str | list[ResultPartBody] | None, _HONOURED] = None
    is_error: Annotated[bool | None, _HONOURED] = None
    cache_control: Annotated[AnyObject | None, _NO_EFFECT] = None
    caller: Annotated[AnyObject | None, _NO_EFFECT] = None
    citations: Annotated[msgspec.Raw, _NO_EFFECT] = ABSENT
    toolset_name: Annotated[str | None, _NO_EFFECT] = None


class MessageBody(msgspec.Struct):
    role: Annotated[str, one_of(BLOCKS), _PASSED_ON]
    content: Annotated[str | list[BlockBody], _PASSED_ON]


class ToolBody(msgspec.Struct):
    """A tool of the client's own. Those of other types than ``custom`` are not."""

    name: Annotated[ToolName, _HONOURED]
    input_schema: Annotated[_Object, NEEDED, _HONOURED] = ABSENT
    description: Annotated[str | None, _HONOURED] = None
    input_examples: Annotated[_List, _HONOURED] = ABSENT
    strict: Annotated[bool | None, _HONOURED] = None
    type: Annotated[str | None, one_of((None, "custom")), _NO_EFFECT] = None
    cache_control: Annotated[AnyObject | None, _NO_EFFECT] = None
    defer_loading: Annotated[bool | None, _NO_EFFECT] = None
    eager_input_streaming: Annotated[bool | None, _NO_EFFECT] = None
    allowed_callers: Annotated[list[str] | None, Refused(only([], ["direct"]), _DIRECT_ONLY)] = None


class ToolChoiceBody(msgspec.Struct):
    type: Annotated[str, one_of(CHOICES), _HONOURED]
    name: Annotated[str | None, NeededFor("type", ("tool",)), _HONOURED] = None
    disable_parallel_tool_use: Annotated[bool | None, _HONOURED] = None


class FormatBody(msgspec.Struct):
    type: Annotated[str, one_of(FORMATS)]
    schema: Annotated[_Object, NEEDED] = ABSENT


class OutputBody(msgspec.Struct):
    format: Annotated[FormatBody | None, _HONOURED] = None
    effort: Annotated[str | None, Refused(only("high"), NO_SUCH_SETTING)] = None
    task_budget: Annotated[AnyObject | None, Refused(never, NO_SUCH_SETTING)] = None


class ThinkingBody(msgspec.Struct):
    type: str


class EditBody(msgspec.Struct):
    type: str


class ContextBody(msgspec.Struct):
    edits: list[EditBody] | None = None


_THOUGHTLESS = ("disabled", "adaptive")
"""With ``adaptive`` the model may think as little as it likes."""

_WITHOUT_THINKING = {"properties": {"type": {"enum": _THOUGHTLESS}}}

_CLEARS_THINKING = "clear_thinking"
_EDIT = {"properties": {"type": {"pattern": f"^{_CLEARS_THINKING}"}}}
_EDITS_OF_THINKING = {"properties": {"edits": {"items": _EDIT}}}


def _needs_no_thinking(thinking: ThinkingBody) -> bool:
    return thinking.type in _THOUGHTLESS


def _clears_thinking_only(context: ContextBody) -> bool:
    """There is none to be cleared."""
    return all(edit.type.startswith(_CLEARS_THINKING) for edit in context.edits or ())


class Prompt(msgspec.Struct, kw_only=True):
    """What a model is told: all that is counted."""

    messages: Annotated[Messages[MessageBody], _PASSED_ON]
    model: Annotated[ModelName | None, _PASSED_ON] = None
    system: Annotated[str | list[BlockBody] | None, _PASSED_ON] = None
    tools: Annotated[Annotated[list[ToolBody], Meta(max_length=MAX_TOOLS)] | None, _HONOURED] = None
    tool_choice: Annotated[ToolChoiceBody | None, _HONOURED] = None
    output_config: Annotated[OutputBody | None, _HONOURED] = None
    output_format: Annotated[FormatBody | None, _HONOURED] = None

    cache_control: Annotated[AnyObject | None, _NO_EFFECT] = None
    speed: Annotated[str | None, _NO_EFFECT] = None

    compaction: Annotated[AnyObject | None, Refused(never, _NO_EDITING)] = None
    context_management: Annotated[
        ContextBody | None,
        Refused(_clears_thinking_only, _NO_EDITING, fits=_EDITS_OF_THINKING),
    ] = None
    mcp_servers: Annotated[AnyArray | None, Refused(is_falsy, _NO_MCP)] = None
    thinking: Annotated[
        ThinkingBody | None, Refused(_needs_no_thinking, _NO_THINKING, fits=_WITHOUT_THINKING)
    ] = None
    thread: Annotated[AnyObject | None, Refused(never, NOT_STORED)] = None


class Body(Prompt, kw_only=True):
    max_tokens: Annotated[Positive, _HONOURED]
    temperature: Annotated[Share | None, _PASSED_ON] = None
    top_p: Annotated[Share | None, _PASSED_ON] = None
    stop_sequences: Annotated[
        Annotated[list[StopSequence], Meta(max_length=MAX_STOPS)] | None, _HONOURED
    ] = None
    stream: Annotated[bool | None, _HONOURED] = None

    billing_policy: Annotated[AnyObject | None, _NO_EFFECT] = None
    diagnostics: Annotated[AnyObject | None, _NO_EFFECT] = None
    fallback_credit_token: Annotated[str | AnyObject | None, _NO_EFFECT] = None
    fallbacks: Annotated[str | AnyArray | None, _NO_EFFECT] = None
    metadata: Annotated[AnyObject | None, _NO_EFFECT] = None
    service_tier: Annotated[str | None, _NO_EFFECT] = None

    container: Annotated[str | AnyObject | None, Refused(never, _NO_CONTAINERS)] = None
    inference_geo: Annotated[str | None, Refused(only("global"), _NO_REGIONS)] = None
    top_k: Annotated[int | None, Refused(only(0, -1), NO_SUCH_SETTING)] = None
