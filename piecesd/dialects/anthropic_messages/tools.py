"""Tools and formats of answers, as the Anthropic API writes them."""

from collections.abc import Sequence

from piecesd.chat import AnswerFormat, Tool, ToolChoice
from piecesd.dialects.anthropic_messages.body import (
    CHOICES,
    FORMATS,
    MAX_NAME,
    FormatBody,
    Prompt,
    ToolBody,
    ToolChoiceBody,
)
from piecesd.dialects.bounds import MAX_NAME_CHARACTERS
from piecesd.dialects.fields import require_needed
from piecesd.dialects.json_body import array_text, object_text
from piecesd.dialects.openai_tools import (
    named_tool_choice,
    require_distinct_names,
    require_tool_name,
)
from piecesd.errors import InvalidValue, MissingParameter, Phrase


def read_tools(bodies: Sequence[ToolBody] | None) -> tuple[Tool, ...]:
    """The tools of a request.

    :raises InvalidRequest: there are two of one name, or one is not
        the client's own or not well described.
    """
    tools = tuple(_read_tool(body, f"tools[{index}]") for index, body in enumerate(bodies or ()))
    require_distinct_names(tools, "tools")
    return tools


def _read_tool(body: ToolBody, path: str) -> Tool:
    if body.type not in (None, "custom"):
        kind = body.type[:MAX_NAME_CHARACTERS]
        raise InvalidValue(
            param=f"{path}.type",
            detail=Phrase(
                f"there is no {kind} here; only custom tools can be called.",
                f"此服务没有 {kind}；只能调用自定义工具。",
            ),
        )
    require_tool_name(body.name, f"{path}.name", most=MAX_NAME)
    examples = array_text(body.input_examples, f"{path}.input_examples")
    schema = object_text(body.input_schema, f"{path}.input_schema")
    if not schema:
        raise MissingParameter(param=f"{path}.input_schema")
    return Tool(
        name=body.name,
        description="\n".join(
            filter(None, [body.description, examples and f"Examples of its input: {examples}"])
        ),
        parameters=schema,
        strict=bool(body.strict),
        param=f"{path}.input_schema",
    )


def read_tool_choice(body: ToolChoiceBody | None, tools: Sequence[Tool]) -> ToolChoice:
    """:raises InvalidRequest: it is none of the API's choices, or of no tool there is."""
    if body is None or body.type == "auto":
        return ToolChoice()
    if body.type == "none":
        return ToolChoice(mode="none")
    require_needed(body, "tool_choice.")
    if body.type == "tool":
        return named_tool_choice(body.name or "", "tool_choice.name", tools)
    if body.type == "any" and tools:
        return ToolChoice(mode="required")
    names = ", ".join(CHOICES)
    raise InvalidValue(
        param="tool_choice.type",
        detail=Phrase(
            f"it must be one of {names}, and with any there must be tools.",
            f"必须是以下之一：{names}；any 需要提供工具。",
        ),
    )


def read_answer_format(wire: Prompt) -> AnswerFormat | None:
    """The format of the answer; None is text.

    :raises InvalidRequest: it is not the one the API has, or has no schema.
    """
    newer = None if wire.output_config is None else wire.output_config.format
    older = wire.output_format
    older_format = None if older is None else _format(older, "output_format")
    return older_format if newer is None else _format(newer, "output_config.format")


def _format(body: FormatBody, path: str) -> AnswerFormat:
    if body.type not in FORMATS:
        raise InvalidValue(
            param=f"{path}.type",
            detail=Phrase("it must be json_schema.", "应为 json_schema。"),
        )
    schema = object_text(body.schema, f"{path}.schema")
    if not schema:
        raise MissingParameter(param=f"{path}.schema")
    return AnswerFormat(schema=schema, param=f"{path}.schema")
