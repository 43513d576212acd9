"""What the soak makes of answers: it has to notice whatever is wrong."""

import json
from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from piecesd.embedded.checked import checked_pieces
from soak.answers import RuleBroken, judge
from soak.shapes import Shape

SHAPE = Shape(
    request_id="soak.1",
    model="gpt-4o",
    streamed=True,
    choices=1,
    conduct="read",
    pieces=4,
    size=9,
)
PIECES = checked_pieces(SHAPE.question, 4, 9)
DONE = b"data: [DONE]\n\n"


def chunk(text: str = "", reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return _event({"choices": [choice]})


def error(code: str) -> bytes:
    return _event({"error": {"code": code}})


def _event(body: Any) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


STREAM = b"".join(map(chunk, PIECES)) + chunk(reason="stop")


class StreamedTests(SynchronousTestCase):
    def judge(self, body: bytes, *, complete: bool = True) -> str:
        return judge(SHAPE, 200, body, complete=complete)

    def test_a_whole_answer_is_whole(self) -> None:
        self.assertEqual(self.judge(STREAM + DONE), "whole")

    def test_a_broken_answer_has_the_code_of_its_error(self) -> None:
        body = chunk(PIECES[0]) + error("upstream_broken")
        self.assertEqual(self.judge(body), "upstream_broken")

    def test_who_leaves_may_have_any_part_of_it(self) -> None:
        for length in range(len(STREAM)):
            self.assertEqual(self.judge(STREAM[:length], complete=False), "left")

    def test_what_breaks_a_rule_is_found(self) -> None:
        lost = b"".join(map(chunk, PIECES[1:])) + chunk(reason="stop") + DONE
        doubled = chunk(PIECES[0]) + STREAM + DONE
        cut = chunk(PIECES[0]) + chunk(reason="stop") + DONE
        for body in (
            lost,
            doubled,
            cut,
            STREAM,  # without its end
            STREAM + error("upstream_broken"),
            STREAM + DONE + DONE,
            STREAM + chunk("more") + DONE,
            chunk(PIECES[0]) + error("internal_error"),
            chunk(PIECES[0]) + error("upstream_broken") + chunk(PIECES[1]),
            STREAM + DONE + b"data: ",
            b"event: x\n\n",
        ):
            self.assertRaises(RuleBroken, self.judge, body)

    def test_a_whole_answer_to_another_question_is_found(self) -> None:
        other = replace(SHAPE, request_id="soak.2")
        self.assertRaises(RuleBroken, judge, other, 200, STREAM + DONE, complete=True)


class UnstreamedTests(SynchronousTestCase):
    def judge(self, status: int, body: Any) -> str:
        shape = replace(SHAPE, streamed=False)
        return judge(shape, status, json.dumps(body).encode(), complete=True)

    def answer(self, text: str) -> Any:
        choice = {"index": 0, "message": {"content": text}, "finish_reason": "stop"}
        return {"choices": [choice]}

    def test_a_whole_answer_is_whole(self) -> None:
        self.assertEqual(self.judge(200, self.answer("".join(PIECES))), "whole")

    def test_an_error_has_its_code(self) -> None:
        self.assertEqual(self.judge(503, {"error": {"code": "overloaded"}}), "overloaded")

    def test_a_part_that_is_said_to_be_whole_is_found(self) -> None:
        self.assertRaises(RuleBroken, self.judge, 200, self.answer(PIECES[0]))

    def test_an_error_that_nobody_foresaw_is_found(self) -> None:
        self.assertRaises(RuleBroken, self.judge, 500, {"error": {"code": "internal_error"}})
