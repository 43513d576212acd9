"""The OpenAI API from its client's side."""

import json

import grpc
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import ChatRequest, Message
from piecesd.embedded.completions_api import AnswerReader, name_there, request_body
from piecesd.embedded.model import CallFailed, Piece


def event(**chunk: object) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def delta(content: str, finish_reason: str | None = None) -> bytes:
    return event(choices=[{"delta": {"content": content}, "finish_reason": finish_reason}])


DONE = b"data: [DONE]\n\n"
LAST = Piece("", is_last=True)


class RequestBodyTests(SynchronousTestCase):
    def test_it_asks_for_a_stream_with_the_conversation_and_the_sampling(self) -> None:
        request = ChatRequest(
            model="gpt-4o",
            messages=(Message(role="system", text="a"), Message(role="user", text="b")),
            temperature=0.0,
            top_p=0.5,
        )
        self.assertEqual(
            json.loads(request_body(request, "llama3")),
            {
                "model": "llama3",
                "messages": [
                    {"role": "system", "content": "a"},
                    {"role": "user", "content": "b"},
                ],
                "stream": True,
                "temperature": 0.0,
                "top_p": 0.5,
            },
        )

    def test_sampling_that_is_not_given_is_not_sent(self) -> None:
        body = json.loads(request_body(ChatRequest(model="m", messages=()), "m"))
        self.assertEqual(set(body), {"model", "messages", "stream"})

    def test_a_tools_answer_becomes_a_users_message(self) -> None:
        request = ChatRequest(model="m", messages=(Message(role="tool", text="42"),))
        self.assertEqual(json.loads(request_body(request, "m"))["messages"][0]["role"], "user")


class NameThereTests(SynchronousTestCase):
    def test_an_entry_wins_over_the_star_and_the_star_over_the_same_name(self) -> None:
        self.assertEqual(name_there("a", {"a": "x", "*": "y"}), "x")
        self.assertEqual(name_there("b", {"a": "x", "*": "y"}), "y")
        self.assertEqual(name_there("b", {"a": "x"}), "b")


class AnswerReaderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reader = AnswerReader()

    def feed(self, data: bytes) -> list[Piece]:
        return list(self.reader.feed(data))

    def test_pieces_come_in_order_and_the_last_one_at_done(self) -> None:
        role = event(choices=[{"delta": {"role": "assistant", "content": ""}}])
        usage = event(choices=[], usage={"total_tokens": 3})
        self.assertEqual(
            self.feed(role + delta("he") + delta("llo", "stop") + usage + DONE),
            [Piece("he", False), Piece("llo", False), LAST],
        )
        self.assertTrue(self.reader.is_over)

    def test_a_server_that_closes_after_a_finish_reason_has_finished(self) -> None:
        self.feed(delta("hello") + event(choices=[{"delta": {}, "finish_reason": "length"}]))
        self.assertEqual(self.reader.end(), LAST)

    def test_a_server_that_closes_before_a_finish_reason_has_not(self) -> None:
        self.feed(delta("hello"))
        self.assertRaises(CallFailed, self.reader.end)

    def test_a_server_that_closes_at_once_has_not_answered(self) -> None:
        self.assertRaises(CallFailed, self.reader.end)

    def test_an_error_event_fails_the_call_after_the_pieces_before_it(self) -> None:
        pieces = self.reader.feed(delta("he") + event(error={"message": "out of memory"}))
        self.assertEqual(next(pieces), Piece("he", False))
        failure = self.assertRaises(CallFailed, next, pieces)
        self.assertIs(failure.status, grpc.StatusCode.INTERNAL)

    def test_what_is_not_json_or_of_another_shape_fails_the_call(self) -> None:
        for data in (b"data: {\n\n", b"data: []\n\n", b'data: {"choices": 3}\n\n'):
            with self.assertRaises(CallFailed):
                list(AnswerReader().feed(data))

    @given(st.binary())
    def test_any_bytes_are_pieces_or_a_failed_call(self, data: bytes) -> None:
        try:
            list(AnswerReader().feed(b"data: " + data + b"\n\n"))
        except CallFailed as failure:
            self.assertIn("the relay's server", failure.details)
