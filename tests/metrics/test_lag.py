"""The heartbeat on a fake clock; with a reactor that is really held up in
tests/integration/test_metrics.py."""

import sys
from types import FrameType
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.metrics import lag
from piecesd.metrics.lag import BEAT_SECONDS, LATE_SECONDS, SILENCE_SECONDS, Heartbeat, ReactorLag


class HeartbeatTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.heartbeat = Heartbeat(self.clock.seconds)

    def beat_after(self, seconds: float) -> tuple[float, Any]:
        self.clock.advance(seconds)
        late, worth_saying = self.heartbeat.beat()
        return round(late, 6), worth_saying

    def test_a_beat_in_time_is_not_late(self) -> None:
        self.assertEqual(self.beat_after(BEAT_SECONDS), (0.0, None))

    def test_an_early_one_is_not_late_either(self) -> None:
        self.assertEqual(self.beat_after(BEAT_SECONDS / 2), (0.0, None))

    def test_a_little_late_is_measured_and_not_worth_a_word(self) -> None:
        self.assertEqual(self.beat_after(BEAT_SECONDS + 0.15), (0.15, None))

    def test_a_late_one_tells_what_ran_meanwhile(self) -> None:
        self.heartbeat.note("piecesd/x.py:1 f")
        self.assertEqual(self.beat_after(BEAT_SECONDS + 0.4), (0.4, ("piecesd/x.py:1 f", 0)))

    def test_a_late_one_tells_if_nothing_was_seen(self) -> None:
        _, worth_saying = self.beat_after(1)
        self.assertEqual(worth_saying, ("nothing that was seen", 0))

    def test_what_was_seen_is_of_one_beat_only(self) -> None:
        self.heartbeat.note("piecesd/x.py:1 f")
        self.beat_after(BEAT_SECONDS)
        _, worth_saying = self.beat_after(SILENCE_SECONDS)
        self.assertEqual(worth_saying, ("nothing that was seen", 0))

    def test_late_ones_in_a_row_are_told_once_in_a_while_and_counted(self) -> None:
        told = [self.beat_after(1)[1] for _ in range(11)]
        self.assertEqual(
            [each and each[1] for each in told],
            [0, None, None, None, None, 4, None, None, None, None, 4],
        )

    def test_it_is_overdue_once_it_is_late_enough_to_be_told(self) -> None:
        self.beat_after(1)
        self.assertAlmostEqual(self.heartbeat.overdue_at, 1 + BEAT_SECONDS + LATE_SECONDS)


class ReactorLagTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.seen: list[float] = []
        self.service = ReactorLag(
            cast(Any, self.clock), self.seen.append, seconds=self.clock.seconds
        )

    def test_every_beat_is_observed_while_it_runs(self) -> None:
        self.service.startService()
        self.clock.pump([0, BEAT_SECONDS, BEAT_SECONDS, BEAT_SECONDS + 0.1])
        self.service.stopService()
        self.clock.pump([BEAT_SECONDS] * 3)
        self.assertEqual([round(each, 6) for each in self.seen], [0, 0, 0.1])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_can_be_stopped_before_the_reactor_has_run(self) -> None:
        self.service.startService()
        self.service.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_failure_to_observe_is_logged_and_does_not_end_it(self) -> None:
        def fail(_seconds: float) -> None:
            raise OSError("full")

        service = ReactorLag(cast(Any, self.clock), fail, seconds=self.clock.seconds)
        service.startService()
        self.clock.pump([0, BEAT_SECONDS, BEAT_SECONDS])
        service.stopService()
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 2)


class WhatRunsTests(SynchronousTestCase):
    def test_the_innermost_frame_is_told_whosever_it_is(self) -> None:
        self.assertRegex(
            lag.what_runs(sys._getframe()),
            r"^test_lag\.py:\d+ test_the_innermost_frame_is_told_whosever_it_is",
        )

    def test_then_piecesds_own_from_the_inside_out(self) -> None:
        frames: list[FrameType] = []

        def observe(_seconds: float) -> None:
            frames.append(sys._getframe())

        clock = Clock()
        service = ReactorLag(cast(Any, clock), observe, seconds=clock.seconds)
        service.startService()
        clock.pump([0, BEAT_SECONDS])
        service.stopService()
        self.assertRegex(
            lag.what_runs(frames[0]),
            r"^test_lag\.py:\d+ observe in piecesd/metrics/lag\.py:\d+ _beat$",
        )
