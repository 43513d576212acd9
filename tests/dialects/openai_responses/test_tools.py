from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import AnswerFormat, ToolChoice
from piecesd.dialects.openai_tools import MAX_TOOLS
from piecesd.errors import InvalidRequest, InvalidValue, MissingParameter
from tests.dialects.openai_responses.support import ADD, parsed

HOSTED = (
    "web_search",
    "web_search_preview",
    "file_search",
    "computer_use_preview",
    "computer",
    "mcp",
    "code_interpreter",
    "image_generation",
    "local_shell",
    "shell",
    "custom",
    "apply_patch",
)


class ToolTests(SynchronousTestCase):
    def test_a_function_is_strict_unless_it_says_otherwise(self) -> None:
        tools = [ADD, ADD | {"name": "b", "strict": None}, ADD | {"name": "c", "strict": False}]
        call = parsed(tools=tools)
        self.assertEqual([tool.strict for tool in call.request.tools], [True, True, False])
        self.assertEqual(call.request.tools[0].param, "tools[0].parameters")

    def test_tools_of_the_api_itself_are_refused_by_name(self) -> None:
        for kind in HOSTED:
            error = self.assertRaises(InvalidValue, parsed, tools=[ADD, {"type": kind}])
            self.assertEqual(error.param, "tools[1].type")
            self.assertIn(kind, error.message())
            self.assertIn(kind, error.message("zh"))
            error = self.assertRaises(InvalidValue, parsed, tools=[ADD], tool_choice={"type": kind})
            self.assertEqual(error.param, "tool_choice.type")

    def test_tools_are_bounded_and_have_names_of_their_own(self) -> None:
        for tools, error_class, param in (
            ([ADD, ADD], InvalidValue, "tools"),
            ([ADD] * (MAX_TOOLS + 1), InvalidValue, "tools"),
            ([{"type": "function"}], MissingParameter, "tools[0].name"),
            ([ADD | {"parameters": []}], InvalidRequest, "tools[0].parameters"),
        ):
            error = self.assertRaises(error_class, parsed, tools=tools)
            self.assertEqual(error.param, param)


class ToolChoiceTests(SynchronousTestCase):
    def choose(self, choice: Any) -> tuple[ToolChoice, list[str], Any]:
        tools = [ADD, ADD | {"name": "b"}]
        call = parsed(tools=tools, tool_choice=choice)
        names = [tool.name for tool in call.request.tools]
        self.assertEqual([tool["name"] for tool in call.echo.tools], ["add", "b"])
        return call.request.tool_choice, names, call.echo.tool_choice

    def test_a_word_is_given_back(self) -> None:
        for word in ("auto", "none", "required"):
            self.assertEqual(
                self.choose(word),
                (ToolChoice(mode=word), ["add", "b"], word),
            )
        self.assertEqual(self.choose(None)[2], "auto")

    def test_one_function_has_to_be_called(self) -> None:
        choice = {"type": "function", "name": "b"}
        self.assertEqual(
            self.choose(choice), (ToolChoice(mode="required", name="b"), ["add", "b"], choice)
        )

    def test_only_some_may_be_called(self) -> None:
        choice = {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "b"}],
        }
        self.assertEqual(self.choose(choice), (ToolChoice(mode="required"), ["b"], choice))

    def test_faults_are_named_with_their_path(self) -> None:
        for choice, param in (
            ({"type": "function"}, "tool_choice.name"),
            ({"type": "function", "name": "none"}, "tool_choice.name"),
            ({"type": "allowed_tools", "tools": []}, "tool_choice.mode"),
            ({"type": "allowed_tools", "mode": "required", "tools": []}, "tool_choice.mode"),
            (
                {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]},
                "tool_choice.tools[0].type",
            ),
            ("any", "tool_choice"),
        ):
            error = self.assertRaises(InvalidRequest, self.choose, choice)
            self.assertEqual(error.param, param)


class FormatTests(SynchronousTestCase):
    def test_a_schema_is_told_with_its_path_and_given_back(self) -> None:
        wanted = {
            "type": "json_schema",
            "name": "sum",
            "description": "A sum.",
            "schema": {"type": "object"},
            "strict": True,
        }
        call = parsed(text={"format": wanted})
        made = call.request.answer_format
        self.assertEqual(
            made, AnswerFormat(schema='{"type": "object"}', name="sum", description="A sum.")
        )
        assert made is not None
        self.assertEqual(made.param, "text.format.schema")
        self.assertEqual(call.echo.text["format"]["name"], "sum")

    def test_text_is_no_format(self) -> None:
        for text in (None, {}, {"format": None}, {"format": {"type": "text"}}):
            call = parsed(text=text)
            self.assertIsNone(call.request.answer_format)
            self.assertEqual(call.echo.text, {"format": {"type": "text"}, "verbosity": "medium"})

    def test_faults_are_named_with_their_path(self) -> None:
        for wanted, param in (
            ({"type": "xml"}, "text.format.type"),
            ({"type": "json_schema", "schema": {}}, "text.format.name"),
            ({"type": "json_schema", "name": "a b", "schema": {}}, "text.format.name"),
            ({"type": "json_schema", "name": "a"}, "text.format.schema"),
            ({"type": "json_schema", "name": "a", "schema": 4}, "text.format.schema"),
        ):
            error = self.assertRaises(InvalidRequest, parsed, text={"format": wanted})
            self.assertEqual(error.param, param)
