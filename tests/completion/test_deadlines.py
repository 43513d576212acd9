"""When a stream is given up."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.completion.deadlines import StreamDeadlines, StreamLimits
from piecesd.errors import UpstreamTimeout


class StreamDeadlinesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.expired: list[UpstreamTimeout] = []

    def watch(self, total_seconds: float | None = 100.0) -> StreamDeadlines:
        limits = StreamLimits(first_piece_seconds=5, idle_seconds=10, total_seconds=total_seconds)
        return StreamDeadlines(self.clock, limits, self.expired.append)

    def assert_expired(self, *seconds: float) -> None:
        self.assertEqual([error.fields["seconds"] for error in self.expired], list(seconds))

    def test_the_first_piece_is_waited_for_no_longer_than_that(self) -> None:
        self.watch()
        self.clock.advance(4.9)
        self.assert_expired()
        self.clock.advance(0.1)
        self.assert_expired(5)

    def test_pieces_in_time_keep_it_going(self) -> None:
        deadlines = self.watch(total_seconds=None)
        deadlines.arrive()
        for _ in range(20):
            deadlines.wait()
            self.clock.advance(9)
            deadlines.arrive()
        self.assert_expired()

    def test_an_arrival_tells_how_long_it_was_waited_for(self) -> None:
        deadlines = self.watch()
        self.clock.advance(2)
        self.assertEqual(deadlines.arrive(), 2)
        self.clock.advance(3)
        deadlines.wait()
        self.clock.advance(4)
        self.assertEqual(deadlines.arrive(), 4)

    def test_silence_is_measured_from_when_somebody_waits(self) -> None:
        deadlines = self.watch()
        deadlines.arrive()
        self.clock.advance(9)
        deadlines.wait()
        self.clock.advance(9.9)
        self.assert_expired()
        self.clock.advance(0.1)
        self.assert_expired(10)

    def test_the_whole_is_bounded_whatever_comes(self) -> None:
        deadlines = self.watch()
        deadlines.arrive()
        for _ in range(99):
            self.clock.advance(1)
            deadlines.wait()
            deadlines.arrive()
        self.assert_expired()
        self.clock.advance(1)
        self.assert_expired(100)

    def test_without_a_bound_the_whole_may_last(self) -> None:
        deadlines = self.watch(total_seconds=None)
        deadlines.arrive()
        self.clock.pump([60] * 60)
        self.assert_expired()

    def test_one_timer_serves_any_number_of_pieces(self) -> None:
        deadlines = self.watch()
        for _ in range(50):
            deadlines.wait()
            deadlines.arrive()
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_a_stopped_watch_leaves_nothing_on_the_clock(self) -> None:
        deadlines = self.watch()
        deadlines.arrive()
        deadlines.stop()
        deadlines.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
