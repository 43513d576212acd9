"""The official anthropic SDK as a client."""

from typing import Any

import anthropic
from anthropic.types import Message, MessageParam, ToolParam
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import at, start, start_upstream

KEY = "sdk-test-key"
MODEL = "claude-3-5-sonnet-20240620"
HELLO: list[MessageParam] = [{"role": "user", "content": "hello there"}]
ADD: ToolParam = {
    "name": "add",
    "description": "Add two numbers.",
    "input_schema": {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
    },
}
CALLING: list[MessageParam] = [
    {"role": "user", "content": '<tool_call name="add">\n{"a": 2, "b": 2}\n</tool_call>'}
]
"""The demonstration model repeats this, and so calls the tool."""


def asking(text: str) -> list[MessageParam]:
    return [{"role": "user", "content": text}]


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


class SdkTestCase(SynchronousTestCase):
    """Starts a daemon with a key and its built-in upstream, and a client."""

    def setUp(self) -> None:
        settings = {"UPSTREAM_FAULTS": "true", "ECHO_DELAY": "0", "MAX_RETRIES": "0"}
        self.daemon = start(self, API_KEY=KEY, HOST="127.0.0.1", **settings)
        self.client = self.client_with(api_key=KEY)

    def client_with(self, path: str = "", **keys: str) -> anthropic.Anthropic:
        client = anthropic.Anthropic(
            base_url=f"http://127.0.0.1:{self.daemon.port}{path}",
            max_retries=0,
            timeout=10,
            **keys,  # type: ignore[arg-type]  # they are strings, and nothing else is
        )
        self.addCleanup(client.close)
        return client

    def ask(self, messages: list[MessageParam] = HELLO, **fields: Any) -> Message:
        arguments: dict[str, Any] = {"max_tokens": 200} | fields
        answer = self.client.messages.create(model=MODEL, messages=messages, **arguments)
        assert isinstance(answer, Message)
        return answer


class AnswerTests(SdkTestCase):
    def test_a_whole_answer_at_each_of_the_addresses_and_with_each_kind_of_key(self) -> None:
        for path in ("", "/anthropic"):
            for keys in ({"api_key": KEY}, {"auth_token": KEY}):
                client = self.client_with(path, **keys)
                answer = client.messages.create(model=MODEL, max_tokens=200, messages=HELLO)
                self.assertEqual(
                    (answer.type, answer.role, answer.model), ("message", "assistant", MODEL)
                )
                self.assertTrue(text_of(answer).endswith("says: hello there"))
                self.assertEqual(answer.stop_reason, "end_turn")
                self.assertGreater(answer.usage.input_tokens, 2)
                self.assertGreater(answer.usage.output_tokens, 10)
                assert answer._request_id is not None
                self.assertTrue(answer._request_id.startswith("req_"))

    def test_raw_events_come_in_the_order_of_the_reference(self) -> None:
        whole = self.ask()
        stream = self.client.messages.create(
            model=MODEL, max_tokens=200, messages=HELLO, stream=True
        )
        events = list(stream)
        kinds = [event.type for event in events]
        self.assertEqual(kinds[:2], ["message_start", "content_block_start"])
        self.assertEqual(kinds[-3:], ["content_block_stop", "message_delta", "message_stop"])
        self.assertEqual(set(kinds[2:-3]), {"content_block_delta"})
        start, end = events[0], events[-2]
        assert start.type == "message_start" and end.type == "message_delta"
        self.assertEqual(start.message.usage.input_tokens, whole.usage.input_tokens)
        self.assertEqual(end.usage.output_tokens, whole.usage.output_tokens)

    def test_the_stream_helper_gives_the_same_answer(self) -> None:
        whole = self.ask(system="Be brief.", extra_body={"temperature": 0.5})
        with self.client.messages.stream(
            model=MODEL,
            max_tokens=200,
            messages=HELLO,
            system=[{"type": "text", "text": "Be brief."}],
        ) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        self.assertEqual((text, text_of(final)), (text_of(whole), text_of(whole)))
        self.assertEqual(final.stop_reason, "end_turn")
        self.assertEqual(final.usage.output_tokens, whole.usage.output_tokens)

    def ask_both_ways(self, **fields: Any) -> list[Message]:
        arguments: dict[str, Any] = {"model": MODEL, "max_tokens": 200, "messages": HELLO} | fields
        with self.client.messages.stream(**arguments) as stream:
            streamed = stream.get_final_message()
        return [self.ask(**fields), streamed]

    def test_a_stop_sequence_is_named(self) -> None:
        for answer in self.ask_both_ways(stop_sequences=["zzz", "demonstration"]):
            self.assertEqual(
                (answer.stop_reason, answer.stop_sequence), ("stop_sequence", "demonstration")
            )
            self.assertEqual(text_of(answer), "This is the built-in ")

    def test_the_limit_of_tokens_is_kept(self) -> None:
        for answer in self.ask_both_ways(max_tokens=3):
            self.assertEqual((answer.stop_reason, answer.usage.output_tokens), ("max_tokens", 3))

    def test_a_tool_is_called_and_its_result_told(self) -> None:
        for answer in self.ask_both_ways(messages=CALLING, tools=[ADD]):
            self.assertEqual(answer.stop_reason, "tool_use")
            said, use = answer.content
            assert said.type == "text" and use.type == "tool_use"
            self.assertEqual((use.name, use.input), ("add", {"a": 2, "b": 2}))
            told: list[MessageParam] = [
                *CALLING,
                {"role": "assistant", "content": [block.model_dump() for block in answer.content]},  # type: ignore[misc, list-item]
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": use.id, "content": "it is four"}
                    ],
                },
            ]
            result = self.ask(told)
            self.assertEqual(result.stop_reason, "end_turn")
            self.assertIn("it is four", text_of(result))

    def test_an_answer_that_is_not_of_the_format_asked_for_is_a_refusal(self) -> None:
        schema = {"type": "json_schema", "schema": {"type": "object"}}
        for answer in self.ask_both_ways(output_config={"format": schema}):
            self.assertEqual((answer.stop_reason, answer.content), ("refusal", []))

    def test_tokens_are_counted_as_an_answer_s_usage_counts_them(self) -> None:
        prompts: list[dict[str, Any]] = [{"system": "Be brief."}, {"tools": [ADD]}]
        for fields in prompts:
            count = self.client.messages.count_tokens(
                model=MODEL,
                messages=HELLO,
                **fields,
            )
            usage = self.ask(HELLO, **fields).usage
            self.assertEqual(count.input_tokens, usage.input_tokens)

    def test_models_page_by_page(self) -> None:
        for path in ("", "/anthropic"):
            models = self.client_with(path, api_key=KEY).models
            ids = [model.id for model in models.list(limit=3)]
            self.assertEqual(len(ids), len(set(ids)))
            self.assertIn(MODEL, ids)
            self.assertIn("gpt-4o", ids)
            self.assertEqual(models.retrieve("claude-3-opus-latest").max_tokens, 4096)


class ErrorTests(SdkTestCase):
    def test_a_wrong_key(self) -> None:
        client = self.client_with(api_key="another")
        with self.assertRaises(anthropic.AuthenticationError) as caught:
            client.messages.create(model=MODEL, max_tokens=5, messages=HELLO)
        self.assertEqual(caught.exception.type, "authentication_error")
        with self.assertRaises(anthropic.AuthenticationError):
            client.models.list()

    def test_an_unknown_model(self) -> None:
        for stream in (False, True):
            with self.assertRaises(anthropic.NotFoundError) as caught:
                self.client.messages.create(
                    model="claude-0", max_tokens=5, messages=HELLO, stream=stream
                )
            self.assertEqual(caught.exception.type, "not_found_error")
            self.assertEqual(caught.exception.error_code, "model_not_found")
            assert caught.exception.request_id is not None

    def test_a_field_that_can_not_be_honoured(self) -> None:
        with self.assertRaises(anthropic.BadRequestError) as caught:
            self.ask(thinking={"type": "enabled", "budget_tokens": 2000})
        self.assertEqual(caught.exception.type, "invalid_request_error")
        self.assertIn("`thinking`", caught.exception.api_message or "")

    def test_a_rate_limit_of_the_upstream(self) -> None:
        with self.assertRaises(anthropic.RateLimitError) as caught:
            self.ask(asking("[[fault: code=429]]"))
        self.assertEqual(caught.exception.type, "rate_limit_error")

    def test_a_broken_stream_is_an_error_and_never_a_finished_answer(self) -> None:
        kinds: list[str] = []
        with self.assertRaises(anthropic.APIStatusError) as caught:
            for event in self.client.messages.create(
                model=MODEL,
                max_tokens=200,
                messages=asking("[[fault: after=3 reset]]"),
                stream=True,
            ):
                kinds.append(event.type)  # noqa: PERF401 those before the error count
        self.assertEqual(caught.exception.type, "api_error")
        self.assertIn("content_block_delta", kinds)
        self.assertNotIn("message_delta", kinds)


class CancelTests(SynchronousTestCase):
    def test_a_stream_that_is_closed_early_cancels_the_call(self) -> None:
        upstream = start_upstream(self, ECHO_DELAY="0.05")
        daemon = start(self, **at(upstream))
        with anthropic.Anthropic(
            base_url=f"http://127.0.0.1:{daemon.port}", api_key="none", max_retries=0
        ) as client:
            stream = client.messages.create(
                model=MODEL, max_tokens=200, messages=HELLO, stream=True
            )
            for event in stream:
                if event.type == "content_block_delta":
                    break
            stream.close()
            upstream.wait_for("upstream call 1: .* cancelled", 1.0)
            daemon.wait_for("/v1/messages -> 200 .* cancelled")
