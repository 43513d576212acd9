"""Streams of events, as the SDK reads them."""

import json
import re
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import (
    ChatEvent,
    Choice,
    Delta,
    Finished,
    Refused,
    ToolCall,
    ToolCallBegun,
    ToolCallDelta,
)
from piecesd.dialects.openai_responses import parse
from piecesd.dialects.openai_responses.stream import ResponseRenderer
from piecesd.errors import (
    ApiError,
    ContextLengthExceeded,
    UpstreamBroken,
    UpstreamRateLimited,
)
from tests.dialects.openai_responses.support import (
    ADD,
    CALL,
    HEAD,
    USAGE,
    WHOLE,
    prepared,
    rendered,
)
from tests.hypothesis_profiles import examples

_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
_DONE = b"data: [DONE]\n\n"
_FRAME = re.compile(r"event: (?P<name>[a-z._]+)\ndata: (?P<data>[^\n]*)\n\n")

CALL_EVENTS: list[ChatEvent] = [
    ToolCallBegun(0, 0, CALL.id, CALL.name),
    ToolCallDelta(0, 0, CALL.arguments[:3]),
    ToolCallDelta(0, 0, CALL.arguments[3:]),
]


def renderer(**fields: Any) -> ResponseRenderer:
    return prepared(**fields).stream_renderer(HEAD)


def streamed(events: Sequence[ChatEvent], **fields: Any) -> list[dict[str, Any]]:
    """The objects of a whole stream. The first batch is rendered before the
    opening, as the stream writer does."""
    of = renderer(**fields)
    first = of.events(events)
    return objects(of.opening() + first + end_of(of))


def end_of(of: ResponseRenderer) -> bytes:
    """The last events of a whole response, without what says that it is whole."""
    end = of.done()
    assert end.endswith(_DONE)
    return end.removesuffix(_DONE)


def objects(data: bytes) -> list[dict[str, Any]]:
    """The events in ``data``, each checked against the SDK's type of that name."""
    text = data.decode()
    matches = list(_FRAME.finditer(text))
    assert "".join(match[0] for match in matches) == text
    found = []
    for match in matches:
        event = json.loads(match["data"])
        assert event["type"] == match["name"]
        assert _EVENT.validate_python(event).type == event["type"]
        found.append(event)
    return found


def names(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


BEGIN = ["created", "in_progress"]
TEXT_BEGIN = ["output_item.added", "content_part.added"]
TEXT_END = ["output_text.done", "content_part.done", "output_item.done"]


class OrderTests(SynchronousTestCase):
    def test_text(self) -> None:
        events = streamed(WHOLE)
        deltas = ["output_text.delta"] * 2
        self.assertEqual(names(events), [*BEGIN, *TEXT_BEGIN, *deltas, *TEXT_END, "completed"])
        self.assertEqual(events[-4]["text"], "Hello there")

    def test_events_are_numbered_from_0(self) -> None:
        events = streamed(WHOLE)
        numbers = [event["sequence_number"] for event in events]
        self.assertEqual(numbers, list(range(len(events))))

    def test_a_call_after_text(self) -> None:
        events = streamed(
            [Delta(0, "One moment."), *CALL_EVENTS, Finished(0, "tool_calls"), USAGE], tools=[ADD]
        )
        self.assertEqual(
            names(events),
            [
                *BEGIN,
                *TEXT_BEGIN,
                "output_text.delta",
                *TEXT_END,
                "output_item.added",
                "function_call_arguments.delta",
                "function_call_arguments.delta",
                "function_call_arguments.done",
                "output_item.done",
                "completed",
            ],
        )
        indexes = [event["output_index"] for event in events if "output_index" in event]
        self.assertEqual(indexes, sorted(indexes))
        self.assertEqual(events[-3]["arguments"], CALL.arguments)

    def test_a_refusal(self) -> None:
        events = streamed([Refused(0, "No."), Finished(0, "stop"), USAGE])
        refusal = ["refusal.delta", "refusal.done", "content_part.done", "output_item.done"]
        self.assertEqual(names(events), [*BEGIN, *TEXT_BEGIN, *refusal, "completed"])

    def test_an_empty_answer(self) -> None:
        events = streamed([Finished(0, "stop"), USAGE])
        self.assertEqual(names(events), [*BEGIN, *TEXT_BEGIN, *TEXT_END, "completed"])

    def test_an_answer_that_the_limit_cut(self) -> None:
        events = streamed([Delta(0, "Hel"), Finished(0, "length"), USAGE])
        self.assertEqual(names(events)[-2:], ["output_item.done", "incomplete"])
        self.assertEqual(events[-2]["item"]["status"], "incomplete")
        last = events[-1]["response"]
        self.assertEqual(last["incomplete_details"], {"reason": "max_output_tokens"})
        self.assertEqual(last["usage"]["output_tokens"], 3)

    def test_every_event_names_the_item_it_is_of(self) -> None:
        events = streamed([Delta(0, "a"), *CALL_EVENTS, Finished(0, "tool_calls"), USAGE])
        ids = [item["id"] for item in events[-1]["response"]["output"]]
        self.assertEqual(len(set(ids)), 2)
        for event in events:
            if "output_index" in event:
                named = event.get("item_id") or event["item"]["id"]
                self.assertEqual(named, ids[event["output_index"]])


class LastEventTests(SynchronousTestCase):
    def test_what_the_request_has_on_many_lines_is_given_back_on_one(self) -> None:
        """Some clients read events line by line."""
        body = b"""{"model": "gpt-4o", "input": "Hi", "tools": [{"type": "function",
            "name": "f", "parameters": {"type":
            "object"}}]}"""
        of = parse(body, ignore_unsupported=False).stream_renderer(HEAD)
        created, _ = objects(of.opening())
        self.assertEqual(created["response"]["tools"][0]["parameters"], {"type": "object"})

    def test_the_last_event_has_the_response_that_a_whole_answer_is(self) -> None:
        cases: list[tuple[list[ChatEvent], Choice]] = [
            (WHOLE, Choice(text="Hello there", reason="stop")),
            (
                [Refused(0, "No."), Finished(0, "stop"), USAGE],
                Choice(text="", reason="stop", refusal="No."),
            ),
            (
                [Delta(0, "a"), *CALL_EVENTS, Finished(0, "tool_calls"), USAGE],
                Choice(text="a", reason="tool_calls", tool_calls=(CALL,)),
            ),
            (
                [Delta(0, "a"), Finished(0, "length"), USAGE],
                Choice(text="a", reason="length"),
            ),
        ]
        for events, choice in cases:
            last = streamed(events, tools=[ADD])[-1]
            self.assertEqual(last["response"], rendered(prepared(tools=[ADD]), choice))

    def test_what_is_to_be_stored_is_the_response_of_the_last_event(self) -> None:
        of = renderer()
        of.events(WHOLE)
        self.assertIsNone(of.response)
        (last,) = objects(end_of(of))
        assert of.response is not None
        self.assertEqual(json.loads(of.response), last["response"])


class FailureTests(SynchronousTestCase):
    def failed(self, error: ApiError, *before: ChatEvent) -> tuple[ResponseRenderer, Any]:
        of = renderer()
        of.opening()
        of.events(before)
        end = of.error(error)
        self.assertNotIn(_DONE, end)
        (event,) = objects(end)
        return of, event

    def test_it_ends_with_what_there_is_and_is_not_whole(self) -> None:
        of, event = self.failed(UpstreamBroken(detail="cut"), Delta(0, "Hel"))
        response = Response.model_validate(event["response"])
        self.assertEqual((event["type"], response.status), ("response.failed", "failed"))
        self.assertEqual(response.output_text, "Hel")
        self.assertEqual(event["response"]["output"][0]["status"], "incomplete")
        assert response.error is not None
        self.assertEqual(response.error.code, "server_error")
        self.assertIn("cut", response.error.message)
        self.assertIsNone(of.response)

    def test_its_code_is_one_of_the_reference(self) -> None:
        for error, code in (
            (UpstreamRateLimited(), "rate_limit_exceeded"),
            (ContextLengthExceeded(param="input", limit=1, count=2), "invalid_prompt"),
            (UpstreamBroken(detail="cut"), "server_error"),
        ):
            self.assertEqual(self.failed(error)[1]["response"]["error"]["code"], code)

    def test_its_message_is_in_the_client_s_language(self) -> None:
        (event,) = objects(renderer().error(UpstreamRateLimited(), "zh"))
        self.assertEqual(event["response"]["error"]["message"], UpstreamRateLimited().message("zh"))


class PropertyTests(SynchronousTestCase):
    @examples(50)
    @given(
        st.lists(st.text(min_size=1), max_size=5),
        st.lists(st.lists(st.text(), max_size=3), max_size=3),
    )
    def test_the_deltas_make_up_what_is_done(
        self, pieces: list[str], calls: list[list[str]]
    ) -> None:
        events: list[ChatEvent] = [Delta(0, piece) for piece in pieces]
        for index, arguments in enumerate(calls):
            events.append(ToolCallBegun(0, index, f"call_{index}", "f"))
            events += [ToolCallDelta(0, index, text) for text in arguments]
        reason = "tool_calls" if calls else "stop"
        whole = streamed([*events, Finished(0, reason), USAGE])  # type: ignore[arg-type]
        deltas: dict[int, str] = {}
        for event in whole:
            if event["type"].endswith(".delta"):
                index = event["output_index"]
                deltas[index] = deltas.get(index, "") + event["delta"]
        choice = Choice(
            text="".join(pieces),
            reason="stop",
            tool_calls=tuple(
                ToolCall(id=f"call_{index}", name="f", arguments="".join(arguments))
                for index, arguments in enumerate(calls)
            ),
        )
        last = whole[-1]["response"]
        self.assertEqual(last, rendered(prepared(), choice))
        for index, item in enumerate(last["output"]):
            text = item["arguments"] if "arguments" in item else item["content"][0]["text"]
            self.assertEqual(deltas.get(index, ""), text)
