"""Which address the next call goes to."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.errors import (
    UpstreamBroken,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamUnavailable,
)
from piecesd.upstream.channels import ChannelPool
from piecesd.upstream.endpoints import Endpoint, Endpoints, Route
from piecesd.upstream.health import FAILURES_TO_EJECT, FIRST_EJECTION_SECONDS
from tests.upstream.test_channels import FakeChannel


class EndpointsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoints = self.make(a=1, b=1)

    def make(self, **weights: int) -> Endpoints:
        endpoints = []
        for name, weight in weights.items():
            pool = ChannelPool(
                name, FakeChannel, lambda channel: channel, minimum=2, maximum=4, clock=self.clock
            )
            pool.start()
            endpoints.append(Endpoint(name, weight, pool, self.clock))
        return Endpoints(endpoints)

    def names(self, times: int) -> str:
        """Where so many calls go that are all under way at once."""
        return "".join(self.endpoints.acquire(None).endpoint.name for _ in range(times))

    def break_off(self, route: Route) -> None:
        route.report(UpstreamBroken(detail="cut"))
        route.release()

    def eject(self, name: str) -> None:
        endpoint = next(each for each in self.endpoints.endpoints if each.name == name)
        for _ in range(FAILURES_TO_EJECT):
            endpoint.health.fail()

    def test_calls_go_to_the_least_loaded(self) -> None:
        self.assertEqual(sorted(self.names(10)), list("aaaaabbbbb"))

    def test_an_idle_service_is_used_evenly(self) -> None:
        used = ""
        for _ in range(6):
            route = self.endpoints.acquire(None)
            used += route.endpoint.name
            route.release()
        self.assertEqual(used.count("a"), 3)

    def test_weights_are_shares(self) -> None:
        self.endpoints = self.make(a=3, b=1)
        self.assertEqual(self.names(40).count("a"), 30)

    def test_a_retry_goes_to_another_address(self) -> None:
        route = self.endpoints.acquire(None)
        self.break_off(route)
        self.assertIsNot(self.endpoints.acquire(route).endpoint, route.endpoint)

    def test_with_one_address_a_retry_goes_over_another_channel(self) -> None:
        self.endpoints = self.make(a=1)
        route = self.endpoints.acquire(None)
        self.break_off(route)
        again = self.endpoints.acquire(route)
        self.assertIs(again.endpoint, route.endpoint)
        self.assertIsNot(again.channel, route.channel)

    def test_an_ejected_address_gets_no_calls(self) -> None:
        self.eject("a")
        self.assertEqual(self.names(5), "bbbbb")

    def test_it_gets_one_call_as_a_trial_once_its_time_is_over(self) -> None:
        self.eject("a")
        self.names(3)
        self.clock.advance(FIRST_EJECTION_SECONDS)
        self.assertEqual(self.names(3).count("a"), 1)

    def test_when_all_are_ejected_the_one_that_failed_longest_ago_is_tried(self) -> None:
        self.clock.advance(1)
        self.eject("b")
        self.clock.advance(1)
        self.eject("a")
        self.assertEqual(self.names(2), "bb")

    def test_an_address_that_asks_for_it_is_left_alone(self) -> None:
        route = self.endpoints.acquire(None)
        route.report(UpstreamRateLimited(retry_after_seconds=7))
        route.release()
        self.assertNotIn(route.endpoint.name, self.names(4))
        self.clock.advance(7)
        self.assertIn(route.endpoint.name, self.names(4))

    def test_when_all_ask_for_it_the_caller_is_told_for_how_long(self) -> None:
        for seconds in (9, 4):
            self.endpoints.acquire(None).report(UpstreamRateLimited(retry_after_seconds=seconds))
        error = self.assertRaises(UpstreamRateLimited, self.endpoints.acquire, None)
        self.assertEqual(error.retry_after_seconds, 4)
        self.assertEqual(self.endpoints.usable_in(), 4)

    def test_what_is_not_the_addresss_fault_does_not_count(self) -> None:
        for error in (UpstreamRefused(detail="no"), UpstreamRateLimited()):
            for _ in range(2 * FAILURES_TO_EJECT):
                route = self.endpoints.acquire(None)
                route.report(error)
                route.release()
        self.assertFalse(any(each.health.is_ejected for each in self.endpoints.endpoints))

    def test_a_call_that_was_given_up_says_nothing(self) -> None:
        self.eject("a")
        self.eject("b")
        self.clock.advance(FIRST_EJECTION_SECONDS)
        first = self.endpoints.acquire(None)
        first.abandon()
        self.assertEqual(first.endpoint.health.usable_in(), 0)

    def test_only_the_first_report_counts(self) -> None:
        self.endpoints = self.make(a=1)
        route = self.endpoints.acquire(None)
        for _ in range(2 * FAILURES_TO_EJECT):
            route.report(UpstreamUnavailable(detail="gone"))
        self.assertFalse(route.endpoint.health.is_ejected)

    def test_a_service_is_usable_while_one_address_is(self) -> None:
        self.eject("a")
        self.assertTrue(self.endpoints.is_usable)
        self.eject("b")
        self.assertFalse(self.endpoints.is_usable)

    def test_its_figures_name_each_address(self) -> None:
        self.names(1)
        figures = self.endpoints.figures()
        self.assertEqual([each["address"] for each in figures], ["a", "b"])
        self.assertEqual([each["in_flight"] for each in figures], [1, 0])
