"""The model that fails on demand."""

import asyncio
import time
from collections.abc import Awaitable

from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import ChatRequest, Message
from piecesd.embedded.checked import is_whole_answer
from piecesd.embedded.echo import EchoModel, split_words
from piecesd.embedded.faulty import FaultyModel, Sabotaged
from piecesd.embedded.model import AnswerFailed, CallFailed, Failure, Piece


async def read(model: FaultyModel, text: str) -> tuple[list[Piece], Failure | None]:
    """The pieces of the answer to ``text``, and how it failed."""
    request = ChatRequest(model="m", messages=(Message(role="user", text=text),))
    answer = model.open(request, paced=True)
    pieces: list[Piece] = []
    try:
        while not pieces or not pieces[-1].is_last:
            pieces.append(await answer.next_piece())
    except Failure as failure:
        return pieces, failure
    finally:
        answer.close()
    return pieces, None


async def _awaited(waiting: Awaitable[None]) -> None:
    await waiting


class FaultyModelTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.model = FaultyModel(EchoModel(0))

    def read(self, text: str) -> tuple[list[Piece], Failure | None]:
        return asyncio.run(asyncio.wait_for(read(self.model, text), timeout=1))

    def test_without_a_directive_the_model_answers(self) -> None:
        pieces, failure = self.read("hi")
        self.assertIsNone(failure)
        self.assertTrue("".join(piece.text for piece in pieces).endswith("says: hi"))

    def test_the_outcome_comes_after_the_pieces_that_were_asked_for(self) -> None:
        pieces, failure = self.read("[[fault: after=3 code=439]]")
        self.assertEqual([piece.text for piece in pieces], split_words("This is the"))
        self.assertIsInstance(failure, AnswerFailed)

    def test_the_outcome_takes_the_place_of_an_earlier_end(self) -> None:
        pieces, failure = self.read("[[fault: pieces=2 after=9 unmarked]]")
        self.assertEqual(pieces, [Piece("x", False), Piece("x", False)])
        assert isinstance(failure, Sabotaged)
        self.assertEqual(failure.sabotage, "unmarked")

    def test_pieces_of_a_size_replace_the_answer(self) -> None:
        self.assertEqual(
            self.read("[[fault: pieces=2 size=3]]"),
            ([Piece("xxx", False), Piece("xxx", True)], None),
        )

    def test_pieces_may_be_empty(self) -> None:
        self.assertEqual(
            self.read("[[fault: pieces=2 size=0]]"), ([Piece("", False), Piece("", True)], None)
        )

    def test_an_answer_of_no_pieces_is_an_empty_one(self) -> None:
        self.assertEqual(self.read("[[fault: pieces=0]]"), ([Piece("", True)], None))

    def test_the_first_attempts_at_a_message_fail_and_later_ones_do_not(self) -> None:
        text = "[[fault: attempts=2 status=UNAVAILABLE pieces=1]]"
        failures = [self.read(text)[1] for _ in range(3)]
        self.assertIsInstance(failures[1], CallFailed)
        self.assertIsNone(failures[2])

    def test_attempts_at_other_messages_count_apart(self) -> None:
        self.read("one [[fault: attempts=1 code=500]]")
        self.assertIsNotNone(self.read("two [[fault: attempts=1 code=500]]")[1])

    def test_a_stall_never_ends(self) -> None:
        with self.assertRaises(TimeoutError):
            asyncio.run(asyncio.wait_for(read(self.model, "[[fault: stall]]"), timeout=0.01))

    def test_a_late_outcome_comes_behind_the_last_piece(self) -> None:
        pieces, failure = self.read("[[fault: pieces=2 late status=UNAVAILABLE]]")
        self.assertIsNone(failure)
        self.assertEqual([piece.is_last for piece in pieces], [False, True])
        afterwards = pieces[1].afterwards
        assert afterwards is not None
        with self.assertRaises(CallFailed):
            asyncio.run(_awaited(afterwards()))

    def test_a_checked_answer_is_of_the_pieces_asked_for(self) -> None:
        question = "[[fault: pieces=3 size=9 checked]] one"
        pieces, _ = self.read(question)
        self.assertEqual(
            [piece.text[:9] for piece in pieces], ["0.xxxxxxx", "1.xxxxxxx", "2.xxxxxxx"]
        )
        self.assertTrue(is_whole_answer(question, "".join(piece.text for piece in pieces)))

    def test_a_pause_comes_before_every_piece(self) -> None:
        began = time.monotonic()
        self.read("[[fault: pieces=3 pause=10]]")
        self.assertGreaterEqual(time.monotonic() - began, 0.03)

    def test_a_directive_that_can_not_be_read_fails_the_call_and_says_why(self) -> None:
        pieces, failure = self.read("[[fault: explode]]")
        self.assertEqual(pieces, [])
        self.assertIn("explode", str(failure))
