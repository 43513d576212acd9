"""When an address is left alone, and when it may come back."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.upstream.health import (
    FAILURES_TO_EJECT,
    FIRST_EJECTION_SECONDS,
    LONGEST_EJECTION_SECONDS,
    EndpointHealth,
)


class EndpointHealthTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.health = EndpointHealth(self.clock.seconds)

    def eject(self) -> None:
        for _ in range(FAILURES_TO_EJECT):
            self.call_fails()

    def call_fails(self) -> None:
        self.health.begin()
        self.health.fail()

    def test_a_few_failures_do_not_eject(self) -> None:
        for _ in range(FAILURES_TO_EJECT - 1):
            self.call_fails()
        self.assertEqual(self.health.usable_in(), 0)

    def test_only_failures_in_a_row_count(self) -> None:
        for _ in range(3 * FAILURES_TO_EJECT):
            self.call_fails()
            self.health.succeed()
        self.assertFalse(self.health.is_ejected)

    def test_enough_failures_in_a_row_eject_for_a_while(self) -> None:
        self.eject()
        self.assertTrue(self.health.is_ejected)
        self.assertEqual(self.health.usable_in(), FIRST_EJECTION_SECONDS)
        self.clock.advance(FIRST_EJECTION_SECONDS)
        self.assertEqual(self.health.usable_in(), 0)

    def test_one_trial_at_a_time_is_let_through(self) -> None:
        self.eject()
        self.clock.advance(FIRST_EJECTION_SECONDS)
        self.health.begin()
        self.assertGreater(self.health.usable_in(), 0)
        self.health.abandon()
        self.assertEqual(self.health.usable_in(), 0)

    def test_a_good_trial_lets_it_back_in(self) -> None:
        self.eject()
        self.clock.advance(FIRST_EJECTION_SECONDS)
        self.health.begin()
        self.health.succeed()
        self.assertFalse(self.health.is_ejected)
        self.call_fails()
        self.assertFalse(self.health.is_ejected)

    def test_each_failed_trial_doubles_the_time_up_to_the_longest(self) -> None:
        self.eject()
        waits = []
        for _ in range(8):
            waits.append(self.health.usable_in())
            self.clock.advance(waits[-1])
            self.call_fails()
        self.assertEqual(waits, [5, 10, 20, 40, 80, 160, 300, 300])
        self.assertEqual(waits[-1], LONGEST_EJECTION_SECONDS)

    def test_late_failures_of_calls_begun_before_do_not_prolong_it(self) -> None:
        for _ in range(2 * FAILURES_TO_EJECT):
            self.health.begin()
        for _ in range(2 * FAILURES_TO_EJECT):
            self.health.fail()
        self.assertEqual(self.health.usable_in(), FIRST_EJECTION_SECONDS)

    def test_it_may_ask_for_a_pause(self) -> None:
        self.health.pause(7)
        self.assertEqual(self.health.usable_in(), 7)
        self.assertFalse(self.health.is_ejected)
        self.clock.advance(7)
        self.assertEqual(self.health.usable_in(), 0)

    def test_it_may_say_that_it_does_not_serve_and_that_it_does_again(self) -> None:
        self.health.eject()
        self.assertTrue(self.health.is_ejected)
        self.health.invite()
        self.assertEqual(self.health.usable_in(), 0)
        self.assertTrue(self.health.is_ejected, "it has yet to show it")
        self.health.begin()
        self.health.succeed()
        self.assertFalse(self.health.is_ejected)

    @given(
        st.lists(
            st.sampled_from(["begin", "succeed", "fail", "abandon", "eject", "invite", "wait"])
        )
    )
    def test_it_can_always_come_back(self, steps: list[str]) -> None:
        clock = Clock()
        health = EndpointHealth(clock.seconds)
        for step in steps:
            clock.advance(50) if step == "wait" else getattr(health, step)()
        health.abandon()
        clock.advance(LONGEST_EJECTION_SECONDS)
        self.assertEqual(health.usable_in(), 0)
