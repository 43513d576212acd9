"""Single parameters are tried in tests/dialects/test_parameters.py."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import AnswerFormat, ChatRequest, Message, Tool, ToolChoice
from piecesd.dialects.anthropic_messages import parse, parse_count
from piecesd.dialects.anthropic_messages.request import MessagesCall
from piecesd.errors import InvalidRequest, MissingParameter, UnsupportedParameter

HELLO = {"role": "user", "content": "Hello"}
PREFILL = {"role": "assistant", "content": "{"}


def parse_fields(*, ignore_unsupported: bool = False, **fields: Any) -> MessagesCall:
    body = {"max_tokens": 50, "messages": [HELLO]} | fields
    return parse(json.dumps(body).encode(), ignore_unsupported=ignore_unsupported)


class ParseTests(SynchronousTestCase):
    def test_every_field_has_its_place(self) -> None:
        call = parse_fields(
            model="claude-3-opus-20240229",
            system="Be brief.",
            temperature=0.5,
            top_p=0.9,
            stop_sequences=["###"],
            stream=True,
            tools=[
                {
                    "name": "add",
                    "description": "Add.",
                    "input_schema": {"type": "object"},
                    "input_examples": [{"a": 1}],
                    "strict": True,
                }
            ],
            tool_choice={"type": "tool", "name": "add", "disable_parallel_tool_use": True},
            output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}},
        )
        request = ChatRequest(
            model="claude-3-opus-20240229",
            messages=(
                Message(role="system", text="Be brief."),
                Message(role="user", text="Hello"),
            ),
            temperature=0.5,
            top_p=0.9,
            max_output_tokens=50,
            stop=("###",),
            tools=(
                Tool(
                    name="add",
                    description='Add.\nExamples of its input: [{"a": 1}]',
                    parameters='{"type": "object"}',
                    strict=True,
                ),
            ),
            tool_choice=ToolChoice(mode="required", name="add"),
            parallel_tool_calls=False,
            answer_format=AnswerFormat(schema='{"type": "object"}'),
        )
        self.assertEqual(call, MessagesCall(request=request, stream=True))

    def test_a_schema_is_named_by_the_path_it_stands_at(self) -> None:
        schema = {"type": "json_schema", "schema": {}}
        for fields, path in (
            ({"output_config": {"format": schema}}, "output_config.format.schema"),
            ({"output_format": schema}, "output_format.schema"),
        ):
            answer_format = parse_fields(**fields).request.answer_format
            assert answer_format is not None
            self.assertEqual(answer_format.param, path)
        (tool,) = parse_fields(tools=[{"name": "f", "input_schema": {}}]).request.tools
        self.assertEqual(tool.param, "tools[0].input_schema")

    def test_there_has_to_be_a_limit(self) -> None:
        body = json.dumps({"messages": [HELLO]}).encode()
        error = self.assertRaises(MissingParameter, parse, body, ignore_unsupported=True)
        self.assertEqual(error.param, "max_tokens")

    def test_an_answer_that_is_begun_is_not_gone_on_with(self) -> None:
        error = self.assertRaises(UnsupportedParameter, parse_fields, messages=[HELLO, PREFILL])
        self.assertEqual(error.param, "messages[1]")
        call = parse_fields(messages=[HELLO, PREFILL], ignore_unsupported=True)
        self.assertEqual(call.request.messages[-1], Message(role="assistant", text="{"))

    def test_what_a_prompt_holds_can_be_counted_without_a_limit(self) -> None:
        body = {"model": "m", "system": "Be brief.", "messages": [HELLO, PREFILL]}
        prompt = parse_count(json.dumps(body).encode(), ignore_unsupported=False)
        self.assertEqual(prompt.model, "m")
        self.assertEqual([message.text for message in prompt.messages], ["Be brief.", "Hello", "{"])

    def test_what_can_not_be_done_is_refused_of_a_prompt_that_is_counted_too(self) -> None:
        body = json.dumps({"messages": [HELLO], "thinking": {"type": "enabled"}}).encode()
        error = self.assertRaises(UnsupportedParameter, parse_count, body, ignore_unsupported=False)
        self.assertEqual(error.param, "thinking")
        parse_count(body, ignore_unsupported=True)

    def test_two_tools_of_one_name_are_refused(self) -> None:
        tool = {"name": "f", "input_schema": {}}
        error = self.assertRaises(InvalidRequest, parse_fields, tools=[tool, tool])
        self.assertEqual(error.param, "tools")

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(["type", "text", "role", "content", "name", "input_schema"]),
                    inner,
                )
            ),
            max_leaves=10,
        ),
        st.sampled_from(["messages", "system", "tools", "tool_choice", "output_config"]),
    )
    def test_whatever_a_field_holds_it_is_a_request_or_one_error(
        self, value: Any, field: str
    ) -> None:
        try:
            call = parse_fields(**{field: value})
        except InvalidRequest:
            return
        self.assertIsInstance(call.request, ChatRequest)
