"""Answers as Ollama's clients read them."""

import json
from collections.abc import Sequence
from typing import Any

from ollama import ChatResponse, GenerateResponse
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import (
    Answer,
    ChatEvent,
    ChatRequest,
    Choice,
    Delta,
    Finished,
    FinishReason,
    Refused,
    ToolCall,
    ToolCallBegun,
    ToolCallDelta,
    Usage,
)
from piecesd.dialects.dialect import AnswerHead
from piecesd.dialects.ollama_answer import (
    NewLine,
    OllamaCall,
    new_chat_line,
    new_generate_line,
)
from piecesd.errors import UpstreamBroken

USAGE = Usage(input_tokens=9, output_tokens=3)
REQUEST = ChatRequest(model="gpt-4", messages=())


class AnswerCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.head = AnswerHead(
            token="1",
            created_unix=1700000000,
            model="gpt-4",
            elapsed_seconds=self.clock.seconds,
        )

    def call(self, new_line: NewLine = new_chat_line) -> OllamaCall:
        return OllamaCall(request=REQUEST, stream=True, new_line=new_line)

    def whole(self, choice: Choice, new_line: NewLine = new_chat_line) -> bytes:
        return self.call(new_line).render_answer(Answer(choices=(choice,), usage=USAGE), self.head)


class WholeAnswerTests(AnswerCase):
    def test_chat_has_a_message_and_the_figures(self) -> None:
        self.clock.advance(1.5)
        self.assertEqual(
            self.whole(Choice(text="Hello.", reason="stop")),
            b'{"model":"gpt-4","created_at":"2023-11-14T22:13:20Z",'
            b'"message":{"role":"assistant","content":"Hello."},"done":true,"done_reason":"stop",'
            b'"total_duration":1500000000,"load_duration":0,"prompt_eval_count":9,'
            b'"prompt_eval_duration":0,"eval_count":3,"eval_duration":1500000000}',
        )

    def test_generate_has_a_response(self) -> None:
        body = self.whole(Choice(text="Hello.", reason="length"), new_generate_line)
        answer = GenerateResponse.model_validate_json(body)
        self.assertEqual((answer.response, answer.done_reason), ("Hello.", "length"))

    def test_calls_have_objects_for_arguments(self) -> None:
        calls = (
            ToolCall(id="call_a", name="f", arguments='{\n  "a": 1\n}'),
            ToolCall(id="call_b", name="g", arguments='{"b": NaN}'),
        )
        body = self.whole(Choice(text="", reason="tool_calls", tool_calls=calls))
        answer = ChatResponse.model_validate_json(body)
        self.assertEqual(answer.done_reason, "stop")
        self.assertEqual(
            [(call.function.name, call.function.arguments) for call in called(answer)],
            [("f", {"a": 1}), ("g", {"b": None})],
        )
        ids = [(call["id"], call["function"]["index"]) for call in tool_calls(json.loads(body))]
        self.assertEqual(ids, [("call_a", 0), ("call_b", 1)])

    def test_an_answer_without_the_format_is_an_error(self) -> None:
        choice = Choice(text="", reason="stop", refusal="no JSON")
        self.assertRaises(UpstreamBroken, self.whole, choice)


class LineTests(AnswerCase):
    def streamed(self, *batches: Sequence[ChatEvent]) -> bytes:
        """A whole stream; a batch comes each second."""
        renderer = self.call().stream_renderer(self.head)
        parts = [renderer.opening()]
        for batch in batches:
            self.clock.advance(1)
            parts.append(renderer.events(batch))
        return b"".join([*parts, renderer.done()])

    def test_each_piece_is_a_line_and_the_last_has_the_figures(self) -> None:
        stream = self.streamed(
            [Delta(0, "Hel"), Delta(0, "lo.")], [Delta(0, "!"), Finished(0, "length")], [USAGE]
        )
        *pieces, last = read(stream)
        self.assertEqual([piece.message.content for piece in pieces], ["Hel", "lo.", "!"])
        self.assertEqual([piece.done for piece in pieces], [False] * 3)
        self.assertEqual((last.done, last.done_reason, last.message.content), (True, "length", ""))
        self.assertEqual((last.prompt_eval_count, last.eval_count), (9, 3))
        self.assertEqual(
            (last.total_duration, last.prompt_eval_duration, last.eval_duration),
            (3_000_000_000, 1_000_000_000, 2_000_000_000),
        )

    def test_a_piece_s_line_has_the_api_s_fields_in_its_order(self) -> None:
        renderer = self.call().stream_renderer(self.head)
        self.assertEqual(
            renderer.events([Delta(0, 'a "b"\n')]),
            b'{"model":"gpt-4","created_at":"2023-11-14T22:13:20Z",'
            b'"message":{"role":"assistant","content":"a \\"b\\"\\n"},"done":false}\n',
        )

    def test_no_text_ends_a_line(self) -> None:
        text = "a\u2028b\u0085c\nd\r"
        piece, _ = read(self.streamed([Delta(0, text), Finished(0, "stop"), USAGE]))
        self.assertEqual(piece.message.content, text)

    def test_calls_come_whole_in_one_line(self) -> None:
        events: list[ChatEvent] = [
            ToolCallBegun(0, 0, "call_a", "f"),
            ToolCallDelta(0, 0, '{"a":'),
            ToolCallDelta(0, 0, "\n1}"),
            ToolCallBegun(0, 1, "call_b", "g"),
            ToolCallDelta(0, 1, "{}"),
            Finished(0, "tool_calls"),
        ]
        line, last = read(self.streamed(events, [USAGE]))
        self.assertEqual(
            [(call.function.name, call.function.arguments) for call in called(line)],
            [("f", {"a": 1}), ("g", {})],
        )
        self.assertEqual((line.done, last.done_reason), (False, "stop"))

    def test_silence_is_broken_by_a_line_without_text(self) -> None:
        renderer = self.call().stream_renderer(self.head)
        (line,) = read(renderer.keep_alive())
        self.assertEqual((line.message.content, line.done), ("", False))

    def test_an_answer_without_the_format_is_an_error(self) -> None:
        renderer = self.call().stream_renderer(self.head)
        self.assertRaises(UpstreamBroken, renderer.events, [Refused(0, "no JSON")])

    def test_an_error_is_the_last_line(self) -> None:
        renderer = self.call().stream_renderer(self.head)
        error = UpstreamBroken(detail="cut")
        self.assertEqual(
            renderer.error(error), b'{"error":"The upstream\'s answer is broken: cut."}\n'
        )

    def test_generate_s_lines_have_a_response(self) -> None:
        renderer = self.call(new_generate_line).stream_renderer(self.head)
        lines = renderer.events([Delta(0, "Hi")]) + renderer.keep_alive() + renderer.done()
        answers = [GenerateResponse.model_validate_json(line) for line in lines.splitlines()]
        self.assertEqual([answer.response for answer in answers], ["Hi", "", ""])
        self.assertEqual([answer.done for answer in answers], [False, False, True])

    def test_every_reason_is_one_that_clients_know(self) -> None:
        reasons: tuple[FinishReason, ...] = ("stop", "length", "tool_calls")
        for reason, told in zip(reasons, ("stop", "length", "stop"), strict=True):
            (last,) = read(self.streamed([Finished(0, reason), USAGE]))
            self.assertEqual(last.done_reason, told)


def read(stream: bytes) -> list[ChatResponse]:
    """As the client does: it cuts where Python's `str.splitlines` does."""
    return [ChatResponse.model_validate_json(line) for line in stream.decode().splitlines()]


def called(answer: ChatResponse) -> Sequence[Any]:
    assert answer.message.tool_calls is not None
    return answer.message.tool_calls


def tool_calls(body: dict[str, Any]) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = body["message"]["tool_calls"]
    return calls
