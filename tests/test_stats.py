"""RollingCount agrees with a list of every event; RequestStats tells its two
kinds apart; Spread counts each value once."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.stats import RequestFigures, RequestStats, RollingCount, Spread

# Steps in sixteenths of a second are exact in binary, so the reference and the
# ring cut time at the very same points; some step back.
STEPS = st.lists(
    st.tuples(
        st.one_of(st.integers(-8, 40), st.integers(0, 3000)).map(lambda step: step / 16),
        st.integers(0, 3),
    ),
    max_size=60,
)


class NaiveCount:
    """Remembers the slot of every event."""

    def __init__(self) -> None:
        self.slots: list[int] = []

    def in_last(self, window_seconds: int, now_slot: int) -> int:
        return sum(now_slot - slot < window_seconds * 10 for slot in self.slots)


class RollingCountTests(SynchronousTestCase):
    @given(STEPS)
    def test_every_window_agrees_with_a_list_of_all_events(
        self, steps: list[tuple[float, int]]
    ) -> None:
        now = [100.0]
        count = RollingCount(lambda: now[0])
        naive = NaiveCount()
        latest_slot = 1000
        for step, events in steps:
            now[0] += step
            latest_slot = max(latest_slot, int(now[0] * 10))
            for _ in range(events):
                count.add()
                naive.slots.append(latest_slot)
            for window_seconds in (1, 7, 60):
                self.assertEqual(
                    count.in_last(window_seconds), naive.in_last(window_seconds, latest_slot)
                )
        self.assertEqual(count.total, len(naive.slots))

    def test_an_event_leaves_the_window_after_its_seconds(self) -> None:
        clock = Clock()
        count = RollingCount(clock.seconds)
        count.add()
        clock.advance(0.95)
        self.assertEqual(count.in_last(1), 1)
        clock.advance(0.1)
        self.assertEqual((count.in_last(1), count.in_last(60)), (0, 1))
        clock.advance(59)
        self.assertEqual((count.in_last(60), count.total), (0, 1))

    def test_a_day_without_events_empties_every_window(self) -> None:
        clock = Clock()
        count = RollingCount(clock.seconds)
        for _ in range(700):
            count.add()
            clock.advance(0.1)
        clock.advance(86_400)
        self.assertEqual(count.in_last(60), 0)

    def test_a_window_it_does_not_hold_is_refused(self) -> None:
        count = RollingCount(Clock().seconds)
        for window_seconds in (0, 61):
            self.assertRaises(ValueError, count.in_last, window_seconds)


class RequestStatsTests(SynchronousTestCase):
    def test_api_requests_are_counted_apart(self) -> None:
        clock = Clock()
        stats = RequestStats(clock.seconds)
        stats.count_request()
        clock.advance(2)
        stats.count_request()
        stats.count_api_request()
        self.assertEqual(
            stats.all_requests(), RequestFigures(last_second=1, last_minute=2, total=2)
        )
        self.assertEqual(
            stats.api_requests(), RequestFigures(last_second=1, last_minute=1, total=1)
        )


class SpreadTests(SynchronousTestCase):
    def test_a_value_counts_for_the_first_bound_that_it_is_up_to(self) -> None:
        spread = Spread((1.0, 2.0))
        for value in (0.0, 1.0, 1.5, 2.0, 2.5, 100.0):
            spread.add(value)
        self.assertEqual((spread.counts, spread.total), ([2, 2, 2], 107.0))
