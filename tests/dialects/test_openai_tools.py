import json
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import AnswerFormat, Tool, ToolCall, ToolChoice
from piecesd.dialects.openai_tools import (
    MAX_TOOLS,
    ResponseFormatBody,
    ToolCallBody,
    ToolChoiceBody,
    Tools,
    read_response_format,
    read_tool_calls,
    read_tool_choice,
    read_tools,
)
from piecesd.errors import ApiError, InvalidValue, MissingParameter, WrongType

ADD = Tool(name="add")
PAY = Tool(name="pay")


def tools(*values: Any) -> tuple[Tool, ...]:
    return read_tools(msgspec.json.decode(json.dumps(values), type=Tools))


def function(**fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "add", **fields}}


class ReadToolsTests(SynchronousTestCase):
    def test_a_function_is_read_with_its_schema_as_it_was_written(self) -> None:
        schema = {"type": "object", "properties": {"a": {"type": "number"}}}
        self.assertEqual(
            tools(function(description="Adds.", parameters=schema, strict=True)),
            (Tool(name="add", description="Adds.", parameters=json.dumps(schema), strict=True),),
        )

    def test_all_but_the_name_may_be_missing_or_null(self) -> None:
        for fields in ({}, {"description": None, "parameters": None, "strict": None}):
            self.assertEqual(tools(function(**fields)), (ADD,))
        self.assertEqual(read_tools(None), ())

    def test_what_is_no_function_of_the_api_is_refused_by_its_path(self) -> None:
        for tool, param in (
            ({"type": "custom", "custom": {"name": "a"}}, "tools[0].type"),
            ({"type": "function"}, "tools[0].function"),
            (function(name="a b"), "tools[0].function.name"),
            (function(name="a" * 65), "tools[0].function.name"),
            (function(parameters=[1]), "tools[0].function.parameters"),
        ):
            error = self.assertRaises(ApiError, tools, tool)
            self.assertEqual((error.status, error.param), (400, param))

    def test_names_are_distinct_and_tools_not_too_many(self) -> None:
        self.assertRaises(InvalidValue, tools, function(), function())
        many = [function(name=f"f{index}") for index in range(MAX_TOOLS + 1)]
        self.assertEqual(len(tools(*many[1:])), MAX_TOOLS)
        self.assertRaises(msgspec.ValidationError, tools, *many)


class ReadToolChoiceTests(SynchronousTestCase):
    def choose(self, value: Any) -> tuple[ToolChoice, tuple[Tool, ...]]:
        body = msgspec.convert(value, str | ToolChoiceBody | None)
        return read_tool_choice(body, (ADD, PAY))

    def test_the_modes_of_the_api_leave_all_tools(self) -> None:
        for value, choice in (
            (None, ToolChoice()),
            ("auto", ToolChoice()),
            ("none", ToolChoice(mode="none")),
            ("required", ToolChoice(mode="required")),
        ):
            self.assertEqual(self.choose(value), (choice, (ADD, PAY)))

    def test_one_function_can_be_asked_for(self) -> None:
        choice, _ = self.choose({"type": "function", "function": {"name": "pay"}})
        self.assertEqual(choice, ToolChoice(mode="required", name="pay"))

    def test_the_tools_can_be_narrowed_down(self) -> None:
        allowed = {"mode": "required", "tools": [function(name="pay")]}
        self.assertEqual(
            self.choose({"type": "allowed_tools", "allowed_tools": allowed}),
            (ToolChoice(mode="required"), (PAY,)),
        )

    def test_what_can_not_be_is_refused_by_its_path(self) -> None:
        for value, param in (
            ("any", "tool_choice"),
            ({"type": "function", "function": {"name": "no"}}, "tool_choice.function.name"),
            ({"type": "function"}, "tool_choice.function"),
            ({"type": "custom"}, "tool_choice.type"),
            (
                {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}},
                "tool_choice.allowed_tools.mode",
            ),
        ):
            error = self.assertRaises(ApiError, self.choose, value)
            self.assertEqual((error.status, error.param), (400, param))

    def test_without_tools_none_can_be_required(self) -> None:
        self.assertEqual(read_tool_choice("auto", ()), (ToolChoice(), ()))
        self.assertRaises(InvalidValue, read_tool_choice, "required", ())


class ReadToolCallsTests(SynchronousTestCase):
    def read(self, *values: Any) -> tuple[ToolCall, ...]:
        return read_tool_calls(
            msgspec.convert(values, list[ToolCallBody]), "messages[0].tool_calls"
        )

    def test_calls_keep_their_order_and_their_arguments_as_written(self) -> None:
        calls = [
            {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": "{"}}
            for name in "ab"
        ]
        self.assertEqual(
            self.read(*calls),
            (
                ToolCall(id="call_a", name="a", arguments="{"),
                ToolCall(id="call_b", name="b", arguments="{"),
            ),
        )

    def test_other_calls_are_refused(self) -> None:
        self.assertRaises(MissingParameter, self.read, {"id": "1"})
        error = self.assertRaises(InvalidValue, self.read, {"id": "1", "type": "custom"})
        self.assertEqual(error.param, "messages[0].tool_calls[0].type")


class ReadResponseFormatTests(SynchronousTestCase):
    def read(self, value: Any) -> AnswerFormat | None:
        return read_response_format(msgspec.json.decode(json.dumps(value), type=ResponseFormatBody))

    def test_text_is_no_format(self) -> None:
        self.assertIsNone(self.read({"type": "text"}))

    def test_json_is_any_object_or_what_a_schema_allows(self) -> None:
        self.assertEqual(self.read({"type": "json_object"}), AnswerFormat())
        schema = {"name": "a", "description": "An answer.", "schema": {"type": "array"}}
        self.assertEqual(
            self.read({"type": "json_schema", "json_schema": schema}),
            AnswerFormat(schema='{"type": "array"}', name="a", description="An answer."),
        )
        self.assertEqual(
            self.read({"type": "json_schema", "json_schema": {"name": "a"}}),
            AnswerFormat(schema="{}", name="a"),
        )

    def test_others_are_refused_by_their_path(self) -> None:
        self.assertRaises(InvalidValue, self.read, {"type": "grammar"})
        self.assertRaises(MissingParameter, self.read, {"type": "json_schema"})
        schema = {"name": "a", "schema": [1]}
        error = self.assertRaises(
            WrongType, self.read, {"type": "json_schema", "json_schema": schema}
        )
        self.assertEqual(error.param, "response_format.json_schema.schema")
