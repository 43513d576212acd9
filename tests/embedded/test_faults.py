"""The directives that ask for faults."""

import grpc
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import Message
from piecesd.embedded.faults import Fault, FaultSyntaxError, find_fault, parse_fault
from piecesd.embedded.model import AnswerFailed, CallFailed


class FindFaultTests(SynchronousTestCase):
    def test_a_conversation_without_a_directive_asks_for_none(self) -> None:
        self.assertIsNone(find_fault((Message(role="user", text="what is a [[fault]]?"),)))

    def test_only_the_last_user_message_counts(self) -> None:
        conversation = (
            Message(role="user", text="[[fault: stall]]"),
            Message(role="user", text="please [[fault: reset]] now"),
            Message(role="assistant", text="[[fault: garbage]]"),
        )
        self.assertEqual(find_fault(conversation), Fault(outcome="reset"))


class ParseFaultTests(SynchronousTestCase):
    def test_numbers_are_read_in_any_order(self) -> None:
        self.assertEqual(
            parse_fault("size=0 attempts=2 stall after=3 pieces=7"),
            Fault(outcome="stall", after=3, pieces=7, size=0, attempts=2),
        )

    def test_flags_stand_beside_an_outcome(self) -> None:
        self.assertEqual(
            parse_fault("late checked pause=20 reset"),
            Fault(outcome="reset", is_late=True, is_checked=True, pause_milliseconds=20),
        )

    def test_a_response_code_is_an_outcome(self) -> None:
        outcome = parse_fault("code=439").outcome
        assert isinstance(outcome, AnswerFailed)
        self.assertEqual(outcome.code, 439)

    def test_a_grpc_status_is_an_outcome(self) -> None:
        outcome = parse_fault("after=3 status=UNAVAILABLE").outcome
        assert isinstance(outcome, CallFailed)
        self.assertIs(outcome.status, grpc.StatusCode.UNAVAILABLE)

    def test_what_is_not_understood_is_refused(self) -> None:
        for words in (
            "explode",
            "code",
            "code=",
            "code=-1",
            "code=२",
            "status=SAD",
            "after=x",
            "after=1 after=2",
            "stall reset",
            "stall=3",
            "late late",
            "checked=1",
            "pieces=9999999999",
        ):
            self.assertRaises(FaultSyntaxError, parse_fault, words)

    @given(st.text())
    def test_any_words_are_a_fault_or_refused(self, words: str) -> None:
        try:
            self.assertIsInstance(parse_fault(words), Fault)
        except FaultSyntaxError as error:
            self.assertTrue(str(error))
