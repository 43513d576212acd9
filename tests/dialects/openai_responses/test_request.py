"""Single parameters are tried in tests/dialects/test_parameters.py."""

from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import AnswerFormat, ChatRequest, Message, Tool, ToolCall, ToolChoice
from piecesd.dialects.bounds import MAX_MESSAGES
from piecesd.dialects.openai_responses import request as requests
from piecesd.dialects.openai_responses.body import MAX_METADATA
from piecesd.dialects.openai_responses.items import (
    InputText,
    ItemReference,
    MessageItem,
    OutputText,
)
from piecesd.errors import InvalidValue, UnsupportedParameter
from tests.dialects.openai_responses.support import COMPLETED, HEAD, TOKEN, parsed, prepared


class ParseTests(SynchronousTestCase):
    def test_a_text_is_what_a_user_says(self) -> None:
        call = parsed(
            instructions="Be brief.",
            temperature=0.5,
            top_p=0.9,
            max_output_tokens=7,
            parallel_tool_calls=False,
            tools=[{"type": "function", "name": "add", "description": "Adds."}],
            tool_choice="required",
            text={"format": {"type": "json_object"}},
            stream=True,
        )
        request = ChatRequest(
            model="gpt-4o",
            messages=(
                Message(role="system", text="Be brief."),
                Message(role="user", text="Hi"),
            ),
            temperature=0.5,
            top_p=0.9,
            max_output_tokens=7,
            tools=(Tool(name="add", description="Adds.", strict=True),),
            tool_choice=ToolChoice(mode="required"),
            parallel_tool_calls=False,
            answer_format=AnswerFormat(),
        )
        self.assertEqual((call.request, call.stream, call.store), (request, True, None))

    def test_a_request_without_input_needs_something_to_go_on_from(self) -> None:
        for nothing in (None, [], [{"type": "reasoning", "id": "rs_1", "summary": []}]):
            error = self.assertRaises(InvalidValue, parsed, input=nothing)
            self.assertEqual(error.param, "input", nothing)
            call = parsed(input=nothing, previous_response_id="resp_1")
            self.assertEqual(call.request.messages, ())

    def test_items_and_their_parts_are_bounded(self) -> None:
        part = {"type": "input_text", "text": "a"}
        for items in (
            [{"role": "user", "content": "a"}] * (MAX_MESSAGES + 1),
            [{"role": "user", "content": [part] * MAX_MESSAGES}],
            [{"type": "function_call_output", "call_id": "c", "output": [part] * MAX_MESSAGES}],
        ):
            self.assertEqual(self.assertRaises(InvalidValue, parsed, input=items).param, "input")

    def test_references_are_bounded(self) -> None:
        references = [
            {"type": "item_reference", "id": f"msg_{number}"}
            for number in range(requests.MAX_REFERENCES)
        ]
        self.assertEqual(len(parsed(input=references * 2).references), len(references) * 2)
        too_many = [*references, {"type": "item_reference", "id": "msg_more"}]
        self.assertEqual(self.assertRaises(InvalidValue, parsed, input=too_many).param, "input")

    def test_metadata_is_bounded_as_the_reference_has_it(self) -> None:
        most = {f"{n:064}": "v" * 512 for n in range(MAX_METADATA)}
        self.assertEqual(parsed(metadata=most).echo.metadata, most)
        for metadata, param in (
            (most | {"one more": ""}, "metadata"),
            ({"k" * 65: ""}, "metadata"),
            ({"k": "v" * 513}, "metadata.k"),
        ):
            error = self.assertRaises(InvalidValue, parsed, metadata=metadata)
            self.assertEqual(error.param, param)

    def test_what_is_refused_in_a_part_is_named_with_its_path(self) -> None:
        for fields, param in (
            ({"text": {"verbosity": "low"}}, "text.verbosity"),
            ({"reasoning": {"effort": "high"}}, "reasoning.effort"),
        ):
            error = self.assertRaises(UnsupportedParameter, parsed, **fields)
            self.assertEqual(error.param, param)
            parsed(ignore_unsupported=True, **fields)


class PreparedTests(SynchronousTestCase):
    CONTEXT = (
        MessageItem(id="msg_1", role="user", content=[InputText("One")]),
        MessageItem(id="msg_2", role="assistant", content=[OutputText("Two")]),
    )

    def test_the_previous_response_stands_before_the_input(self) -> None:
        call = parsed(instructions="Be brief.", previous_response_id="resp_1").prepared(
            stored=True, now=lambda: COMPLETED, context=self.CONTEXT
        )
        roles = [(message.role, message.text) for message in call.request.messages]
        expected = [("system", "Be brief."), ("user", "One"), ("assistant", "Two"), ("user", "Hi")]
        self.assertEqual(roles, expected)
        self.assertTrue(call.echo.store)

    def test_a_reference_stands_for_its_item(self) -> None:
        user = {"role": "user", "content": "Hi"}
        call = parsed(input=[{"type": "item_reference", "id": "msg_2"}, user])
        self.assertEqual(call.references, (ItemReference(id="msg_2", param="input[0]"),))
        call = call.prepared(
            stored=False, now=lambda: COMPLETED, referenced={"msg_2": self.CONTEXT[1]}
        )
        self.assertEqual([message.text for message in call.request.messages], ["Two", "Hi"])
        self.assertEqual(call.references, ())

    def test_a_conversation_does_not_grow_without_bounds(self) -> None:
        call = parsed(previous_response_id="resp_1")
        context = self.CONTEXT[:1] * MAX_MESSAGES
        error = self.assertRaises(
            InvalidValue, call.prepared, stored=True, now=lambda: COMPLETED, context=context
        )
        self.assertEqual(error.param, "previous_response_id")

    def test_calls_of_the_stored_answer_meet_their_results(self) -> None:
        call = parsed(
            input=[
                {"role": "assistant", "content": "Let me see."},
                {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
                {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "1"},
                {
                    "type": "function_call_output",
                    "call_id": "c2",
                    "output": [{"type": "input_text", "text": text} for text in "23"],
                },
            ]
        )
        calls = tuple(
            ToolCall(id=call_id, name=name, arguments="{}")
            for call_id, name in (("c1", "f"), ("c2", "g"))
        )
        self.assertEqual(
            call.request.messages,
            (
                Message(role="assistant", text="Let me see.", tool_calls=calls),
                Message(role="tool", text="1", tool_call_id="c1"),
                Message(role="tool", text="2\n3", tool_call_id="c2"),
            ),
        )

    def test_the_items_of_its_own_input_get_ids_where_they_have_none(self) -> None:
        call = prepared(
            input=[
                {"role": "user", "content": "One"},
                {"role": "user", "content": "Two", "id": "msg_mine"},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "1"},
            ]
        )
        ids = [item.id for item in call.input_items(HEAD)]
        self.assertEqual(
            ids, [f"msg_{TOKEN}0000", "msg_mine", f"fc_{TOKEN}0002", f"fco_{TOKEN}0003"]
        )
