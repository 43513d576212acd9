"""Answers as the official SDK's types read them."""

import json
from typing import Any

from anthropic.types import Message, MessageTokensCount, RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import (
    Answer,
    ChatEvent,
    Choice,
    Delta,
    Finished,
    Refused,
    ToolCall,
    ToolCallBegun,
    ToolCallDelta,
    Usage,
)
from piecesd.dialects.anthropic_messages.reply import MessageStream, render_answer, render_count
from piecesd.dialects.dialect import AnswerHead
from piecesd.errors import UpstreamBroken

HEAD = AnswerHead(token="1", created_unix=1700000000, model="claude-3-opus", request_id="req_1")
USAGE = Usage(input_tokens=9, output_tokens=3)
EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)


def whole(**fields: Any) -> Message:
    answer = Answer(choices=(Choice(**({"text": "", "reason": "stop"} | fields)),), usage=USAGE)
    return Message.model_validate_json(render_answer(answer, HEAD))


def read(stream: bytes) -> list[dict[str, Any]]:
    """The events of ``stream``, each of which is named after its type."""
    events = []
    for lines in stream.decode().split("\n\n")[:-1]:
        name, data = lines.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}", lines
        events.append(event)
    return events


def streamed(*events: ChatEvent) -> list[dict[str, Any]]:
    """Those between the opening and the end."""
    return read(MessageStream(HEAD).events(events))


class RenderAnswerTests(SynchronousTestCase):
    def test_an_answer_has_the_api_s_fields(self) -> None:
        answer = Answer(choices=(Choice(text="Hi", reason="stop"),), usage=USAGE)
        self.assertEqual(
            json.loads(render_answer(answer, HEAD)),
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "claude-3-opus",
                "content": [{"type": "text", "text": "Hi"}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {
                    "input_tokens": 9,
                    "output_tokens": 3,
                    "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0,
                    "service_tier": "standard",
                },
            },
        )

    def test_an_empty_answer_has_no_blocks(self) -> None:
        self.assertEqual(whole().content, [])

    def test_it_says_why_it_ended(self) -> None:
        for reason, sequence, expected in (
            ("stop", None, ("end_turn", None)),
            ("stop", "###", ("stop_sequence", "###")),
            ("length", None, ("max_tokens", None)),
            ("tool_calls", None, ("tool_use", None)),
        ):
            message = whole(reason=reason, stop_sequence=sequence)
            self.assertEqual((message.stop_reason, message.stop_sequence), expected)

    def test_calls_are_blocks_behind_the_text(self) -> None:
        call = ToolCall(id="call_1", name="add", arguments='{"a": 1}')
        message = whole(text="Let me see.", reason="tool_calls", tool_calls=(call,))
        said, use = message.content
        assert said.type == "text" and use.type == "tool_use"
        self.assertEqual((use.id, use.name, use.input), ("call_1", "add", {"a": 1}))

    def test_an_answer_that_is_not_of_the_format_is_a_refusal(self) -> None:
        message = whole(refusal="It was no JSON.")
        assert message.stop_details is not None
        self.assertEqual((message.content, message.stop_reason), ([], "refusal"))
        self.assertEqual(message.stop_details.explanation, "It was no JSON.")

    def test_a_count_is_one_number(self) -> None:
        self.assertEqual(MessageTokensCount.model_validate_json(render_count(7)).input_tokens, 7)


class MessageStreamTests(SynchronousTestCase):
    def test_it_opens_with_an_empty_message_and_a_ping(self) -> None:
        start, ping = read(MessageStream(HEAD).opening(9))
        self.assertEqual(ping, {"type": "ping"})
        message = start["message"]
        Message.model_validate(message)
        self.assertEqual((message["id"], message["content"]), ("msg_1", []))
        self.assertEqual((message["stop_reason"], message["stop_sequence"]), (None, None))
        self.assertEqual(message["usage"]["input_tokens"], 9)

    def test_text_is_one_block_and_the_end_tells_usage(self) -> None:
        self.assertEqual(
            streamed(Delta(0, "Hi"), Delta(0, ' "you"'), Finished(0, "stop", "###"), USAGE),
            [
                {
                    "type": "content_block_start",
                    "index": 0,
                    "content_block": {"type": "text", "text": ""},
                },
                text_delta(0, "Hi"),
                text_delta(0, ' "you"'),
                {"type": "content_block_stop", "index": 0},
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "stop_sequence", "stop_sequence": "###"},
                    "usage": {
                        "input_tokens": 9,
                        "output_tokens": 3,
                        "cache_creation_input_tokens": 0,
                        "cache_read_input_tokens": 0,
                    },
                },
            ],
        )

    def test_each_call_is_a_block_of_its_own(self) -> None:
        events = streamed(
            Delta(0, "Let me see."),
            ToolCallBegun(0, 0, "call_1", "add"),
            ToolCallDelta(0, 0, '{"a":'),
            ToolCallDelta(0, 0, " 1}"),
            ToolCallBegun(0, 1, "call_2", "add"),
            ToolCallDelta(0, 1, "{}"),
            Finished(0, "tool_calls"),
        )
        self.assertEqual(
            [(event["type"], event["index"]) for event in events],
            [
                ("content_block_start", 0),
                ("content_block_delta", 0),
                ("content_block_stop", 0),
                ("content_block_start", 1),
                ("content_block_delta", 1),
                ("content_block_delta", 1),
                ("content_block_stop", 1),
                ("content_block_start", 2),
                ("content_block_delta", 2),
                ("content_block_stop", 2),
            ],
        )
        self.assertEqual(
            events[3]["content_block"],
            {"type": "tool_use", "id": "call_1", "name": "add", "input": {}},
        )
        self.assertEqual(events[4]["delta"], {"type": "input_json_delta", "partial_json": '{"a":'})

    def test_text_behind_a_call_is_a_new_block(self) -> None:
        stream = MessageStream(HEAD)
        stream.events([Delta(0, "a"), ToolCallBegun(0, 0, "call_1", "add")])
        stop, start, delta = read(stream.events([Delta(0, "b")]))
        self.assertEqual((stop["index"], start["index"]), (1, 2))
        self.assertEqual(delta, text_delta(2, "b"))

    def test_a_refusal_ends_a_message_without_blocks(self) -> None:
        (end,) = streamed(Refused(0, "It was no JSON."), Finished(0, "stop"), USAGE)
        self.assertEqual(end["delta"]["stop_reason"], "refusal")
        self.assertEqual(end["delta"]["stop_details"]["explanation"], "It was no JSON.")

    def test_it_ends_with_a_stop_or_an_error(self) -> None:
        stream = MessageStream(HEAD)
        self.assertEqual(read(stream.done()), [{"type": "message_stop"}])
        (error,) = read(stream.error(UpstreamBroken(detail="cut")))
        self.assertEqual((error["request_id"], error["error"]["type"]), ("req_1", "api_error"))

    def test_silence_is_broken_by_a_ping(self) -> None:
        self.assertEqual(
            MessageStream(HEAD).keep_alive(), b'event: ping\ndata: {"type":"ping"}\n\n'
        )

    def test_every_event_is_one_of_the_sdk_s(self) -> None:
        stream = MessageStream(HEAD)
        events = read(
            stream.opening(9)
            + stream.events([Delta(0, "a"), ToolCallBegun(0, 0, "call_1", "add")])
            + stream.events([ToolCallDelta(0, 0, "{}"), Finished(0, "tool_calls"), USAGE])
            + stream.done()
        )
        for event in events:
            if event["type"] != "ping":
                self.assertEqual(EVENT.validate_python(event).type, event["type"])

    @given(st.lists(st.text(min_size=1), min_size=1))
    def test_any_text_comes_through_and_no_line_ends_in_it(self, texts: list[str]) -> None:
        stream = MessageStream(HEAD).events([Delta(0, text) for text in texts])
        self.assertEqual(len(stream.decode().splitlines()), stream.count(b"\n"))
        _, *deltas = read(stream)
        self.assertEqual([delta["delta"]["text"] for delta in deltas], texts)


def text_delta(index: int, text: str) -> dict[str, Any]:
    return {
        "type": "content_block_delta",
        "index": index,
        "delta": {"type": "text_delta", "text": text},
    }
