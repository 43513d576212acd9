"""Tools and formats of answers, as requests for responses write them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from piecesd.chat import AnswerFormat, Tool, ToolChoice
from piecesd.dialects.bounds import MAX_NAME_CHARACTERS
from piecesd.dialects.json_body import object_text
from piecesd.dialects.openai_responses.body import (
    AllowedToolBody,
    FormatBody,
    ResponseToolBody,
    ResponseToolChoiceBody,
    TextBody,
)
from piecesd.dialects.openai_tools import (
    FunctionBody,
    named_tool_choice,
    read_function,
    require_distinct_names,
    require_tool_name,
    tool_choice,
)
from piecesd.dialects.refusals import TEXT_OR_JSON
from piecesd.errors import InvalidValue, MissingParameter, Phrase

Shown = dict[str, Any]
"""An object of a response that gives back what the request said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choosing:
    """What is to be called, and which ``tools`` may be; ``shown`` and
    ``shown_tools`` are the two as responses give them back."""

    choice: ToolChoice
    tools: tuple[Tool, ...]
    shown: str | Shown
    shown_tools: list[Shown]


def read_tools(bodies: Sequence[ResponseToolBody] | None) -> tuple[Tool, ...]:
    """The functions that may be called, strictly unless they say otherwise, as
    the reference has it.

    :raises InvalidRequest: there are two of one name, or one is not a
        function or not well named.
    """
    tools = tuple(_read_tool(body, f"tools[{index}]") for index, body in enumerate(bodies or ()))
    require_distinct_names(tools, "tools")
    return tools


def _read_tool(body: ResponseToolBody, path: str) -> Tool:
    _require_function(body.type, f"{path}.type")
    if body.name is None:
        raise MissingParameter(param=f"{path}.name")
    function = FunctionBody(body.name, body.description, body.parameters, body.strict is not False)
    return read_function(function, path)


def _require_function(kind: str, path: str) -> None:
    """:raises InvalidValue: it is one of the API's own tools, or none."""
    if kind != "function":
        shown = kind[:MAX_NAME_CHARACTERS]
        raise InvalidValue(
            param=path,
            detail=Phrase(
                f"only functions can be called, and {shown!r} is none.",
                f"只能调用函数，而 {shown!r} 不是函数。",
            ),
        )


def read_tool_choice(
    body: str | ResponseToolChoiceBody | None, tools: tuple[Tool, ...]
) -> Choosing:
    """What is to be called, and which of ``tools`` may be.

    :raises InvalidRequest: it is none of the API's choices, or of no tool there is.
    """
    if isinstance(body, ResponseToolChoiceBody):
        names = [
            _allowed_name(tool, f"tool_choice.tools[{index}]")
            for index, tool in enumerate(body.tools or ())
        ]
        if body.type == "allowed_tools":
            return _allowed(body, names, tools)
        _require_function(body.type, "tool_choice.type")
        name = _name(body.name, "tool_choice.name")
        choice, few = named_tool_choice(name, "tool_choice.name", tools), tools
        shown: str | Shown = {"type": "function", "name": name}
    else:
        shown = body or "auto"
        choice, few = tool_choice(shown, "tool_choice", tools), tools
    return Choosing(choice=choice, tools=few, shown=shown, shown_tools=list(map(_shown, tools)))


def _allowed(
    body: ResponseToolChoiceBody, names: Sequence[str], tools: tuple[Tool, ...]
) -> Choosing:
    mode = _name(body.mode, "tool_choice.mode")
    few = tuple(tool for tool in tools if tool.name in names)
    return Choosing(
        choice=tool_choice(mode, "tool_choice.mode", few),
        tools=few,
        shown={
            "type": "allowed_tools",
            "mode": mode,
            "tools": [{"type": "function", "name": tool.name} for tool in few],
        },
        shown_tools=list(map(_shown, tools)),
    )


def _allowed_name(tool: AllowedToolBody, path: str) -> str:
    _require_function(tool.type, f"{path}.type")
    return _name(tool.name, f"{path}.name")


def _name(name: str | None, path: str) -> str:
    if name is None:
        raise MissingParameter(param=path)
    return name


def _shown(tool: Tool) -> Shown:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description or None,
        "parameters": _on_one_line(tool.parameters) if tool.parameters else None,
        "strict": tool.strict,
    }


def _on_one_line(json: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.format(json.encode(), indent=-1))


def read_format(body: TextBody | None) -> AnswerFormat | None:
    """The format of the answer; None is text.

    :raises InvalidRequest: it is none of the API's, or has no name or schema
        where it must.
    """
    wanted = None if body is None else body.format
    if wanted is None:
        return None
    schema = object_text(wanted.schema, "text.format.schema")
    if wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return AnswerFormat()
    if wanted.type != "json_schema":
        raise InvalidValue(param="text.format.type", detail=TEXT_OR_JSON)
    name = _name(wanted.name, "text.format.name")
    require_tool_name(name, "text.format.name")
    if not schema:
        raise MissingParameter(param="text.format.schema")
    return AnswerFormat(
        schema=schema,
        name=name,
        description=wanted.description or "",
        param="text.format.schema",
    )


def shown_text(body: TextBody | None) -> Shown:
    """``text`` as responses give it back."""
    wanted = FormatBody("text") if body is None or body.format is None else body.format
    shown: Shown = {"type": wanted.type}
    if wanted.type == "json_schema":
        shown |= {
            "name": wanted.name,
            "description": wanted.description,
            "schema": _on_one_line(object_text(wanted.schema, "text.format.schema")),
            "strict": bool(wanted.strict),
        }
    return {"format": shown, "verbosity": "medium"}
