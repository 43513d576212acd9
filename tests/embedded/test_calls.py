"""Counting calls."""

import asyncio

from twisted.trial.unittest import SynchronousTestCase

from piecesd.embedded.calls import CallCounts, Calls, EndedCall


class CallsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ended: list[EndedCall] = []
        self.calls = Calls(self.ended.append)

    def end_by(self, error: BaseException) -> None:
        with self.calls.track("m"):
            raise error

    def test_a_call_is_open_until_it_ends(self) -> None:
        with self.calls.track("m"):
            self.assertEqual(self.calls.counts, CallCounts(opened=1, open=1))
        self.assertEqual(self.calls.counts, CallCounts(opened=1, finished=1))

    def test_a_call_that_raises_has_failed(self) -> None:
        self.assertRaises(ValueError, self.end_by, ValueError())
        self.assertEqual(self.calls.counts, CallCounts(opened=1, failed=1))

    def test_a_call_whose_coroutine_is_cancelled_was_cancelled(self) -> None:
        self.assertRaises(asyncio.CancelledError, self.end_by, asyncio.CancelledError())
        self.assertEqual(self.calls.counts, CallCounts(opened=1, cancelled=1))

    def test_every_call_is_told_of_with_its_number_and_pieces(self) -> None:
        for pieces in (3, 5):
            with self.calls.track("m") as call:
                call.pieces = pieces
        self.assertEqual([(each.number, each.pieces) for each in self.ended], [(1, 3), (2, 5)])
