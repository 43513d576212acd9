"""Answers that show by themselves whether they are whole."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.embedded.checked import checked_pieces, is_whole_answer


class CheckedAnswerTests(SynchronousTestCase):
    @given(st.text(st.characters(codec="utf-8")), st.integers(0, 30), st.integers(0, 9))
    def test_all_pieces_in_order_are_the_whole_answer(
        self, question: str, pieces: int, size: int
    ) -> None:
        self.assertTrue(is_whole_answer(question, "".join(checked_pieces(question, pieces, size))))

    @given(st.data())
    def test_a_lost_a_doubled_or_a_swapped_piece_is_found(self, data: st.DataObject) -> None:
        pieces = checked_pieces("q", 9, 4)
        at = data.draw(st.integers(0, 7))
        for changed in (
            [*pieces[:at], *pieces[at + 1 :]],
            [*pieces[: at + 1], *pieces[at:]],
            [*pieces[:at], pieces[at + 1], pieces[at], *pieces[at + 2 :]],
            pieces[:-1],
        ):
            self.assertFalse(is_whole_answer("q", "".join(changed)), changed)

    def test_the_answer_to_another_question_is_found(self) -> None:
        self.assertFalse(is_whole_answer("mine", "".join(checked_pieces("yours", 3, 3))))
