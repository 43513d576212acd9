"""The Responses API with the official openai SDK, and daemons that share a store."""

import json
from collections.abc import Iterator
from typing import Any

import openai
from openai.types.responses import ResponseFunctionToolCall
from pydantic import BaseModel
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import (
    Daemon,
    at,
    run_directory,
    start,
    start_in,
    start_upstream,
)
from tests.integration.workers import pids_of

ADD: Any = {
    "type": "function",
    "name": "add",
    "description": "Adds two numbers.",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
    },
    "strict": False,
}
CALLING = '<tool_call name="add">\n{"a": 1, "b": 2}\n</tool_call>'
"""The demonstration model repeats what it is told, and so calls the tool."""


class Sum(BaseModel):
    total: int


class ResponsesTestCase(SynchronousTestCase):
    def client_of(self, daemon: Daemon, key: str = "none") -> openai.OpenAI:
        client = openai.OpenAI(
            base_url=f"http://127.0.0.1:{daemon.port}/v1", api_key=key, max_retries=0, timeout=10
        )
        self.addCleanup(client.close)
        return client


class SdkTests(ResponsesTestCase):
    def setUp(self) -> None:
        self.daemon = start(
            self, ECHO_DELAY="0", UPSTREAM_FAULTS="true", API_KEY="key,other", HOST="127.0.0.1"
        )
        self.client = self.client_of(self.daemon, "key")

    def test_a_response_and_the_next_one(self) -> None:
        first = self.client.responses.create(model="gpt-4o", input="hello", metadata={"a": "b"})
        self.assertTrue(first.output_text.endswith("Message 1 of this conversation says: hello"))
        self.assertEqual((first.status, first.metadata), ("completed", {"a": "b"}))
        assert first.usage is not None and first.usage.input_tokens > 2
        second = self.client.responses.create(
            model="gpt-4o", input="again", previous_response_id=first.id
        )
        self.assertTrue(second.output_text.endswith("Message 3 of this conversation says: again"))
        self.assertEqual(self.client.responses.retrieve(second.id), second)
        items = list(self.client.responses.input_items.list(second.id, order="asc", limit=2))
        self.assertEqual([item.type for item in items], ["message"] * 3)
        self.client.responses.delete(second.id)
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.retrieve(second.id)

    def test_a_stream_is_the_same_as_a_whole_response(self) -> None:
        whole = self.client.responses.create(model="gpt-4o", input="hello")
        with self.client.responses.stream(model="gpt-4o", input="hello") as stream:
            events = list(stream)
            streamed = stream.get_final_response()
        self.assertEqual(streamed.output_text, whole.output_text)
        self.assertEqual(streamed.usage, whole.usage)
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        self.assertEqual("".join(deltas), whole.output_text)
        self.assertEqual(self.client.responses.retrieve(streamed.id).output_text, whole.output_text)

    def test_a_limit_leaves_the_response_incomplete(self) -> None:
        made = self.client.responses.create(model="gpt-4o", input="hi", max_output_tokens=2)
        self.assertEqual((made.status, made.output_text), ("incomplete", "This is"))
        assert made.incomplete_details is not None
        self.assertEqual(made.incomplete_details.reason, "max_output_tokens")

    def test_a_tool_is_called_and_its_result_told(self) -> None:
        for stream in (False, True):
            call, made_id = self.call_of_tool(stream=stream)
            self.assertEqual((call.name, json.loads(call.arguments)), ("add", {"a": 1, "b": 2}))
            following = self.client.responses.create(
                model="gpt-4o",
                previous_response_id=made_id,
                input=[{"type": "function_call_output", "call_id": call.call_id, "output": "3"}],
            )
            self.assertIn(f'<tool_result id="{call.call_id}" name="add">', following.output_text)

    def call_of_tool(self, *, stream: bool) -> tuple[ResponseFunctionToolCall, str]:
        if stream:
            with self.client.responses.stream(model="gpt-4o", input=CALLING, tools=[ADD]) as events:
                made: Any = events.get_final_response()
        else:
            made = self.client.responses.create(model="gpt-4o", input=CALLING, tools=[ADD])
        call = made.output[-1]
        assert call.type == "function_call"
        return call, made.id

    def test_an_answer_of_a_schema_is_parsed(self) -> None:
        parsed = self.client.responses.parse(
            model="gpt-4o", input='Answer with {"total": 3}', text_format=Sum
        )
        self.assertEqual(parsed.output_parsed, Sum(total=3))

    def test_errors_are_those_of_the_sdk(self) -> None:
        create = self.client.responses.create
        with self.assertRaises(openai.AuthenticationError):
            self.client_of(self.daemon, "wrong").responses.create(model="gpt-4o", input="hi")
        with self.assertRaises(openai.NotFoundError) as unknown:
            create(model="gpt-0", input="hi")
        self.assertEqual(unknown.exception.code, "model_not_found")
        with self.assertRaises(openai.BadRequestError) as refused:
            create(model="gpt-4o", input="hi", tools=[{"type": "web_search"}])
        self.assertEqual(refused.exception.param, "tools[0].type")
        with self.assertRaises(openai.BadRequestError) as too_long:
            create(model="gpt-4", input="word " * 5000)
        self.assertEqual(too_long.exception.code, "context_length_exceeded")
        self.assertEqual(too_long.exception.param, "input")
        with self.assertRaises(openai.BadRequestError) as missing:
            create(model="gpt-4o", input="hi", previous_response_id="resp_0")
        self.assertEqual(missing.exception.code, "previous_response_not_found")

    def test_another_key_does_not_see_a_response(self) -> None:
        made = self.client.responses.create(model="gpt-4o", input="hello")
        other = self.client_of(self.daemon, "other")
        with self.assertRaises(openai.NotFoundError):
            other.responses.retrieve(made.id)
        with self.assertRaises(openai.BadRequestError):
            other.responses.create(model="gpt-4o", input="hi", previous_response_id=made.id)

    def test_a_broken_stream_fails_and_is_not_stored(self) -> None:
        text = "[[fault: after=3 reset]]"
        events = list(self.client.responses.create(model="gpt-4o", input=text, stream=True))
        last = events[-1]
        assert last.type == "response.failed"
        assert last.response.error is not None
        self.assertEqual(last.response.error.code, "server_error")
        self.assertEqual(last.response.output_text, "This is the")
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.retrieve(last.response.id)


class CancelTests(ResponsesTestCase):
    def test_a_stream_that_is_closed_early_cancels_the_call(self) -> None:
        upstream = start_upstream(self, ECHO_DELAY="0.05")
        daemon = start(self, **at(upstream))
        client = self.client_of(daemon)
        stream = client.responses.create(model="gpt-4o", input="hello", stream=True)
        made_id = first_id(iter(stream))
        stream.close()
        upstream.wait_for("upstream call 1: .* cancelled", 1.0)
        with self.assertRaises(openai.NotFoundError):
            client.responses.retrieve(made_id)


def first_id(events: Iterator[Any]) -> str:
    event = next(events)
    assert event.type == "response.created"
    return str(event.response.id)


class StoreTests(ResponsesTestCase):
    def test_a_file_keeps_responses_over_a_restart(self) -> None:
        directory = run_directory(self)
        settings = {"PORT": "0", "ECHO_DELAY": "0", "STORE": "responses.sqlite"}
        daemon = start_in(directory, self, settings=settings)
        made = self.client_of(daemon).responses.create(model="gpt-4o", input="hello")
        daemon.stop()
        client = self.client_of(start_in(directory, self, settings=settings))
        self.assertEqual(client.responses.retrieve(made.id), made)

    def test_a_file_that_is_no_store_stops_the_start(self) -> None:
        directory = run_directory(self)
        (directory / "notes").write_text("not a database, but long enough to be one" * 100)
        with self.assertRaises(AssertionError) as caught:
            start_in(directory, self, settings={"PORT": "0", "STORE": "notes"})
        self.assertIn("can't start: the store of responses", str(caught.exception))

    def test_without_a_store_nothing_is_kept(self) -> None:
        client = self.client_of(start(self, ECHO_DELAY="0", STORE="off"))
        made = client.responses.create(model="gpt-4o", input="hello")
        self.assertFalse(made.model_dump()["store"])
        with self.assertRaises(openai.NotFoundError):
            client.responses.retrieve(made.id)
        with self.assertRaises(openai.BadRequestError) as refused:
            client.responses.create(model="gpt-4o", input="hello", store=True)
        self.assertEqual(refused.exception.param, "store")

    def test_workers_share_what_they_keep(self) -> None:
        """Each client holds a connection of its own, and workers take those by turns."""
        daemon = start(self, "--workers", "2", ECHO_DELAY="0")
        pids_of(daemon)
        clients = [self.client_of(daemon) for _ in range(4)]
        previous: str | None = None
        for turn, client in enumerate(clients):
            with client.responses.stream(
                model="gpt-4o", input="hello", previous_response_id=previous
            ) as stream:
                made = stream.get_final_response()
            self.assertIn(f"Message {2 * turn + 1} of", made.output_text)
            previous = made.id
