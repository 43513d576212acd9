"""Tools, calls of them and formats of answers, as the OpenAI API's chat writes them.

Other dialects have borrowed the form of a tool's definition.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from piecesd.chat import AnswerFormat, Tool, ToolCall, ToolChoice
from piecesd.dialects.bounds import CallId
from piecesd.dialects.fields import NeededFor, one_of, require_needed
from piecesd.dialects.json_body import ABSENT, ObjectText, object_text
from piecesd.dialects.refusals import FUNCTIONS_ONLY, TEXT_OR_JSON
from piecesd.errors import InvalidValue, Phrase

MAX_TOOLS = 128
"""The reference's own bound."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_NAME_CHARACTERS = 64
_CHOICES = {
    "auto": ToolChoice(),
    "none": ToolChoice(mode="none"),
    "required": ToolChoice(mode="required"),
}


def named(most: int) -> dict[str, Any]:
    """The JSON schema of what `require_tool_name` lets through."""
    return {"pattern": f"^{_NAME.pattern}$", "maxLength": most}


TOOL_NAME = named(_NAME_CHARACTERS)


_TYPES = ("function",)
_FORMATS = ("text", "json_object", "json_schema")

ToolName = Annotated[str, msgspec.Meta(extra_json_schema=TOOL_NAME)]
ToolChoiceMode = Annotated[str, one_of(_CHOICES)]


class FunctionBody(msgspec.Struct):
    """A function that may be called; ``parameters`` is a JSON schema."""

    name: ToolName
    description: str | None = None
    parameters: ObjectText = ABSENT
    strict: bool | None = None


class ToolBody(msgspec.Struct):
    type: Annotated[str, one_of(_TYPES)] = "function"
    function: Annotated[FunctionBody | None, NeededFor("type", _TYPES)] = None


Tools = Annotated[list[ToolBody], msgspec.Meta(max_length=MAX_TOOLS)]


class CalledBody(msgspec.Struct):
    name: str
    arguments: str


class ToolCallBody(msgspec.Struct):
    id: CallId
    type: Annotated[str, one_of(_TYPES)] = "function"
    function: Annotated[CalledBody | None, NeededFor("type", _TYPES)] = None


class NamedBody(msgspec.Struct):
    name: str


class NamedToolBody(msgspec.Struct):
    type: str = "function"
    function: NamedBody | None = None


class AllowedToolsBody(msgspec.Struct):
    mode: ToolChoiceMode
    tools: list[NamedToolBody]


class ToolChoiceBody(msgspec.Struct):
    """``type`` says which of the other fields holds it."""

    type: Annotated[str, one_of(("function", "allowed_tools"))]
    function: Annotated[NamedBody | None, NeededFor("type", ("function",))] = None
    allowed_tools: Annotated[AllowedToolsBody | None, NeededFor("type", ("allowed_tools",))] = None


class JsonObjectText(msgspec.Struct):
    name: ToolName
    description: str | None = None
    schema: ObjectText = ABSENT
    strict: bool | None = None


class ResponseFormatBody(msgspec.Struct):
    type: Annotated[str, one_of(_FORMATS)]
    json_schema: Annotated[JsonObjectText | None, NeededFor("type", ("json_schema",))] = None


def read_tools(bodies: Sequence[ToolBody] | None, path: str = "tools") -> tuple[Tool, ...]:
    """The tools of a request.

    :raises InvalidRequest: there are two of one name, or one is not a function
        or not well named.
    """
    if bodies is None:
        return ()
    tools = tuple(_read_tool(body, f"{path}[{index}]") for index, body in enumerate(bodies))
    require_distinct_names(tools, path)
    return tools


def _read_tool(body: ToolBody, path: str) -> Tool:
    if body.type not in _TYPES:
        raise InvalidValue(param=f"{path}.type", detail=FUNCTIONS_ONLY)
    require_needed(body, f"{path}.")
    assert body.function is not None
    return read_function(body.function, f"{path}.function")


def read_function(body: FunctionBody, path: str) -> Tool:
    """:raises InvalidRequest: it is not well named, or its parameters are no object."""
    require_tool_name(body.name, f"{path}.name")
    return Tool(
        name=body.name,
        description=body.description or "",
        parameters=object_text(body.parameters, f"{path}.parameters"),
        strict=bool(body.strict),
        param=f"{path}.parameters",
    )


def require_tool_name(name: str, path: str, *, most: int = _NAME_CHARACTERS) -> None:
    """:raises InvalidValue: the name has more than ``most`` characters, or others
    than the API allows."""
    if len(name) > most or not _NAME.fullmatch(name):
        raise InvalidValue(
            param=path,
            detail=Phrase(
                f"it must be 1 to {most} letters, digits, underscores and dashes.",
                f"应为 1 到 {most} 个字母、数字、下划线或连字符。",
            ),
        )


def require_distinct_names(tools: Sequence[Tool], path: str) -> None:
    """:raises InvalidValue: two of ``tools`` have one name."""
    seen: set[str] = set()
    for tool in tools:
        if tool.name in seen:
            raise InvalidValue(
                param=path,
                detail=Phrase(f"there are two named {tool.name}.", f"{tool.name} 重名。"),
            )
        seen.add(tool.name)


def read_tool_choice(
    body: str | ToolChoiceBody | None, tools: tuple[Tool, ...]
) -> tuple[ToolChoice, tuple[Tool, ...]]:
    """What is to be called, and which of ``tools`` may be.

    :raises InvalidRequest: it is none of the API's choices, or of no tool there is.
    """
    if isinstance(body, ToolChoiceBody):
        require_needed(body, "tool_choice.")
        if body.type == "allowed_tools" and body.allowed_tools is not None:
            allowed = {_named(tool.function) for tool in body.allowed_tools.tools}
            few = tuple(tool for tool in tools if tool.name in allowed)
            return tool_choice(body.allowed_tools.mode, "tool_choice.allowed_tools.mode", few), few
        if body.type not in _TYPES:
            raise InvalidValue(param="tool_choice.type", detail=FUNCTIONS_ONLY)
        assert body.function is not None
        return named_tool_choice(body.function.name, "tool_choice.function.name", tools), tools
    return tool_choice(body or "auto", "tool_choice", tools), tools


def tool_choice(mode: str, path: str, tools: Sequence[Tool]) -> ToolChoice:
    """:raises InvalidValue: there is no such mode, or a call is required and
    there is no tool."""
    choice = _CHOICES.get(mode)
    if choice is not None and (tools or mode != "required"):
        return choice
    names = ", ".join(_CHOICES)
    raise InvalidValue(
        param=path,
        detail=Phrase(
            f"it must be one of {names}, and with required there must be tools.",
            f"必须是以下之一：{names}；required 需要提供工具。",
        ),
    )


def named_tool_choice(name: str, path: str, tools: Sequence[Tool]) -> ToolChoice:
    """:raises InvalidValue: there is no such tool."""
    if name not in {tool.name for tool in tools}:
        raise InvalidValue(
            param=path, detail=Phrase("there is no tool of that name.", "没有该名称的工具。")
        )
    return ToolChoice(mode="required", name=name)


def _named(body: NamedBody | None) -> str | None:
    return None if body is None else body.name


def read_tool_calls(bodies: Sequence[ToolCallBody] | None, path: str) -> tuple[ToolCall, ...]:
    """The calls that an assistant's message asks for.

    :raises InvalidRequest: one is not of a function.
    """
    calls = []
    for index, body in enumerate(bodies or ()):
        if body.type not in _TYPES:
            raise InvalidValue(param=f"{path}[{index}].type", detail=FUNCTIONS_ONLY)
        require_needed(body, f"{path}[{index}].")
        assert body.function is not None
        calls.append(
            ToolCall(id=body.id, name=body.function.name, arguments=body.function.arguments)
        )
    return tuple(calls)


def read_response_format(body: ResponseFormatBody | None) -> AnswerFormat | None:
    """The format of the answer; None is text.

    :raises InvalidRequest: it is none of the API's, or has no schema where it
        must.
    """
    if body is None:
        return None
    if body.type not in _FORMATS:
        raise InvalidValue(param="response_format.type", detail=TEXT_OR_JSON)
    require_needed(body, "response_format.")
    of_schema = None if body.json_schema is None else _schema_format(body.json_schema)
    formats = {"text": None, "json_object": AnswerFormat(), "json_schema": of_schema}
    return formats[body.type]


def _schema_format(schema: JsonObjectText) -> AnswerFormat:
    require_tool_name(schema.name, "response_format.json_schema.name")
    path = "response_format.json_schema.schema"
    return AnswerFormat(
        schema=object_text(schema.schema, path) or "{}",
        name=schema.name,
        description=schema.description or "",
        param=path,
    )
