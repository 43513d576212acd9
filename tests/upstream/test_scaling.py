"""The pool's policy, as a table of snapshots and plans."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.upstream.scaling import STREAMS_PER_CHANNEL, ChannelState, Plan, plan


def pool(*in_flight: int) -> list[ChannelState]:
    return [ChannelState(number=n, in_flight=calls) for n, calls in enumerate(in_flight)]


def decide(channels: list[ChannelState], minimum: int = 2, maximum: int = 20) -> Plan:
    return plan(channels, minimum=minimum, maximum=maximum)


class ScalingTests(SynchronousTestCase):
    def test_between_the_bounds_nothing_changes(self) -> None:
        self.assertEqual(decide(pool(30, 30, 30)), Plan())
        self.assertEqual(decide(pool(80, 80, 80)), Plan())

    def test_over_80_percent_it_grows_by_a_quarter(self) -> None:
        self.assertEqual(decide(pool(*[81] * 8)), Plan(open=2))

    def test_it_grows_by_at_least_one(self) -> None:
        self.assertEqual(decide(pool(90, 90)), Plan(open=1))

    def test_it_never_grows_over_the_maximum(self) -> None:
        self.assertEqual(decide(pool(*[100] * 8), maximum=9), Plan(open=1))
        self.assertEqual(decide(pool(*[100] * 8), maximum=8), Plan())

    def test_under_30_percent_the_idlest_quarter_goes(self) -> None:
        plan = decide(pool(29, 0, 29, 1, 29, 29, 29, 29))
        self.assertEqual(plan, Plan(drain=frozenset({1, 3})))

    def test_it_shrinks_by_at_least_one(self) -> None:
        self.assertEqual(decide(pool(0, 0, 0)), Plan(drain=frozenset({0})))

    def test_it_never_shrinks_under_the_minimum(self) -> None:
        self.assertEqual(decide(pool(0, 0)), Plan())

    def test_what_is_missing_to_the_minimum_is_opened(self) -> None:
        self.assertEqual(decide([]), Plan(open=2))

    def test_dead_and_stuck_channels_are_replaced_one_for_one(self) -> None:
        channels = [
            ChannelState(number=1, in_flight=40, dead=True),
            ChannelState(number=2, in_flight=40, failing_seconds=30.0),
            ChannelState(number=3, in_flight=40, failing_seconds=29.9),
        ]
        self.assertEqual(decide(channels), Plan(open=2, drain=frozenset({1, 2})))

    def test_a_draining_channel_counts_as_gone(self) -> None:
        channels = [ChannelState(number=9, in_flight=100, draining=True), *pool(40, 40)]
        self.assertEqual(decide(channels), Plan())

    @given(
        st.lists(
            st.builds(
                ChannelState,
                number=st.integers(),
                in_flight=st.integers(0, 2 * STREAMS_PER_CHANNEL),
                failing_seconds=st.sampled_from([0.0, 10.0, 40.0]),
                dead=st.booleans(),
                draining=st.booleans(),
            ),
            max_size=30,
            unique_by=lambda channel: channel.number,
        ),
        st.integers(1, 10),
        st.integers(0, 10),
    )
    def test_whatever_the_pool_is_the_plan_keeps_it_within_bounds(
        self, channels: list[ChannelState], minimum: int, more: int
    ) -> None:
        todo = plan(channels, minimum=minimum, maximum=minimum + more)
        kept = [c for c in channels if not c.draining and c.number not in todo.drain]
        self.assertTrue(minimum <= len(kept) + todo.open <= minimum + more)
        self.assertFalse([c for c in kept if c.broken])
