"""Chat completions requests: what they come to, and what is wrong with them.

Single parameters and messages are tried in test_openai_body, from the
documented table.
"""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import ChatRequest, Message, Role
from piecesd.dialects.bounds import MAX_MESSAGES, MAX_NAME_CHARACTERS, MAX_STOP_CHARACTERS
from piecesd.dialects.fields import treatments
from piecesd.dialects.openai_chat.body import Body, MessageBody
from piecesd.dialects.openai_chat.request import ChatCall, parse
from piecesd.errors import (
    InvalidRequest,
    InvalidValue,
    UnsupportedContent,
    UnsupportedParameter,
)

HELLO = {"role": "user", "content": "Hello"}


def parse_fields(*, ignore_unsupported: bool = False, **fields: Any) -> ChatCall:
    body = {"messages": [HELLO], **fields}
    return parse(json.dumps(body).encode(), ignore_unsupported=ignore_unsupported)


def parse_message(message: dict[str, Any], *, ignore_unsupported: bool = False) -> Message:
    call = parse_fields(messages=[message], ignore_unsupported=ignore_unsupported)
    return call.request.messages[0]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)
message_values = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(treatments(MessageBody), json_values)
)
body_values = st.fixed_dictionaries(
    {"messages": st.lists(message_values | st.just(HELLO), max_size=3) | json_values},
    optional={name: json_values for name in treatments(Body) if name != "messages"},
)


class ParseTests(SynchronousTestCase):
    def test_a_request_comes_to_the_values_it_gives(self) -> None:
        call = parse_fields(
            model="gpt-4o",
            messages=[{"role": "system", "content": "Be brief."}, HELLO],
            temperature=0.5,
            top_p=1,
            max_tokens=100,
            stop=["\n", "END"],
            n=2,
            stream=True,
            stream_options={"include_usage": True},
        )
        request = ChatRequest(
            model="gpt-4o",
            messages=(
                Message(role="system", text="Be brief."),
                Message(role="user", text="Hello"),
            ),
            temperature=0.5,
            top_p=1,
            max_output_tokens=100,
            stop=("\n", "END"),
            choices=2,
        )
        self.assertEqual(call, ChatCall(request=request, stream=True, include_usage=True))

    def test_messages_and_their_parts_are_bounded_in_number(self) -> None:
        part = {"type": "text", "text": "a"}
        for messages, parts in ((MAX_MESSAGES + 1, 0), (1, MAX_MESSAGES)):
            many = [{"role": "user", "content": [part] * parts}] * messages
            error = self.assertRaises(InvalidValue, parse_fields, messages=many)
            self.assertEqual(error.param, "messages")
        parse_fields(messages=[HELLO] * MAX_MESSAGES)

    def test_all_but_the_messages_may_be_left_out(self) -> None:
        request = ChatRequest(model="", messages=(Message(role="user", text="Hello"),))
        self.assertEqual(
            parse_fields(), ChatCall(request=request, stream=False, include_usage=False)
        )

    def test_the_smaller_of_two_token_limits_holds(self) -> None:
        for first, second in ((10, 20), (20, 10)):
            call = parse_fields(max_tokens=first, max_completion_tokens=second)
            self.assertEqual(call.request.max_output_tokens, 10)

    def test_one_stop_need_not_stand_in_a_list(self) -> None:
        self.assertEqual(parse_fields(stop="END").request.stop, ("END",))
        self.assertEqual(parse_fields(stop=[]).request.stop, ())

    def test_a_stop_that_is_too_long_is_refused_by_name(self) -> None:
        longest = "x" * MAX_STOP_CHARACTERS
        self.assertEqual(parse_fields(stop=longest).request.stop, (longest,))
        error = self.assertRaises(InvalidValue, parse_fields, stop=["a", longest + "x"])
        self.assertEqual(error.param, "stop[1]")

    def test_a_model_name_that_is_too_long_is_refused_without_repeating_it(self) -> None:
        name = "m" * (MAX_NAME_CHARACTERS + 1)
        error = self.assertRaises(InvalidValue, parse_fields, model=name)
        self.assertEqual(error.param, "model")
        self.assertNotIn(name, error.message())

    def test_an_unknown_field_is_accepted(self) -> None:
        self.assertEqual(parse_fields(top_k=40, messages=[{**HELLO, "mood": 1}]), parse_fields())

    def test_roles_come_to_the_four_that_the_core_knows(self) -> None:
        roles: dict[str, Role] = {
            "developer": "system",
            "function": "tool",
            "tool": "tool",
            "assistant": "assistant",
        }
        for given_role, role in roles.items():
            message = parse_message({"role": given_role, "content": "x", "name": "n"})
            self.assertEqual(message, Message(role=role, text="x", name="n"))

    def test_text_parts_are_joined_by_a_newline(self) -> None:
        parts = [{"type": "text", "text": "one"}, {"type": "refusal", "refusal": "two"}]
        self.assertEqual(parse_message({"role": "assistant", "content": parts}).text, "one\ntwo")

    def test_a_part_without_its_text_is_named(self) -> None:
        message = {"role": "user", "content": [{"type": "text"}]}
        error = self.assertRaises(InvalidRequest, parse_message, message)
        self.assertEqual(error.param, "messages[0].content[0].text")

    def test_an_assistant_message_may_have_no_content(self) -> None:
        self.assertEqual(parse_message({"role": "assistant", "content": None}).text, "")

    def test_other_parts_are_refused_by_name_whatever_is_ignored(self) -> None:
        for kind in ("image_url", "input_audio", "file"):
            content = [{"type": "text", "text": "See:"}, {"type": kind, kind: {}}]
            error = self.assertRaises(
                UnsupportedContent,
                parse_message,
                {"role": "user", "content": content},
                ignore_unsupported=True,
            )
            self.assertEqual(error.param, "messages[0].content[1]")
            self.assertIn(repr(kind), error.message())

    def test_an_error_never_repeats_a_long_kind_of_part(self) -> None:
        message = {"role": "user", "content": [{"type": "x" * 100_000}]}
        error = self.assertRaises(UnsupportedContent, parse_message, message)
        self.assertLess(len(error.message()), 500)

    def test_a_refused_parameter_is_told_with_the_reason_in_both_languages(self) -> None:
        error = self.assertRaises(UnsupportedParameter, parse_fields, logprobs=True)
        self.assertEqual(error.param, "logprobs")
        self.assertIn("no log probabilities", error.message("en"))
        self.assertIn("对数概率", error.message("zh"))

    def test_half_an_emoji_in_a_message_becomes_a_replacement_character(self) -> None:
        self.assertEqual(parse_message({"role": "user", "content": "x\ud83d"}).text, "x\ufffd")

    @given(body_values, st.booleans())
    def test_any_json_is_a_request_that_can_be_encoded_or_a_refusal(
        self, body: dict[str, Any], ignore_unsupported: bool
    ) -> None:
        try:
            call = parse(json.dumps(body).encode(), ignore_unsupported=ignore_unsupported)
        except InvalidRequest as error:
            self.assertEqual(error.status, 400)
            self.assertTrue(error.message("zh"))
        else:
            for message in call.request.messages:
                message.text.encode()
