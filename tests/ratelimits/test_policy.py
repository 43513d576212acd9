from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.ratelimits.policy import (
    LimitSettings,
    RateLimit,
    SlidingCounts,
    client_name,
    fixed_standing,
)

MINUTE = RateLimit(name="requests", amount=10, window_seconds=60)


class SlidingTests(SynchronousTestCase):
    def test_who_has_not_asked_has_all_of_it(self) -> None:
        standing = SlidingCounts(0, 0, 0, 0).standing(MINUTE)
        self.assertEqual(
            (standing.remaining, standing.free_in_seconds, standing.full_in_seconds), (10, 0, 0)
        )

    def test_the_previous_window_counts_by_the_share_of_it_that_is_left(self) -> None:
        standing = SlidingCounts(8, 30.0, 3, 90.0).standing(MINUTE)
        self.assertEqual((standing.remaining, standing.full_in_seconds), (3, 90.0))

    def test_where_the_previous_window_fills_the_limit_it_has_to_fade(self) -> None:
        # 10 * 45 / 60 = 7.5 fade away; 4 of them fit beside the 6.
        standing = SlidingCounts(10, 45.0, 6, 105.0).standing(MINUTE)
        self.assertEqual((standing.remaining, standing.free_in_seconds), (0, 45.0 - 24.0))

    def test_where_the_current_window_fills_it_that_has_to_end_first(self) -> None:
        standing = SlidingCounts(0, 0.0, 10, 75.0).standing(MINUTE)
        self.assertEqual(standing.free_in_seconds, 15.0)
        over = SlidingCounts(0, 0.0, 20, 75.0).standing(MINUTE)
        self.assertEqual(over.free_in_seconds, 15.0 + 30.0)

    @given(
        st.integers(0, 20), st.floats(0, 60), st.integers(0, 20), st.floats(0, 60, exclude_min=True)
    )
    def test_one_is_free_just_when_it_says(
        self, previous: int, previous_seconds: float, current: int, left: float
    ) -> None:
        previous_seconds = min(previous_seconds, left)
        standing = SlidingCounts(previous, previous_seconds, current, 60 + left).standing(MINUTE)
        if standing.remaining:
            self.assertEqual(standing.free_in_seconds, 0)

        def remaining_after(seconds: float) -> int:
            if seconds < left:
                later = SlidingCounts(
                    previous, max(0, previous_seconds - seconds), current, 60 + left - seconds
                )
            else:
                later = SlidingCounts(current, max(0.0, 60 + left - seconds), 0, 0.0)
            return later.standing(MINUTE).remaining

        self.assertGreater(remaining_after(standing.free_in_seconds + 0.001), 0)
        if standing.free_in_seconds > 0.001:
            self.assertEqual(remaining_after(standing.free_in_seconds - 0.001), 0)


class FixedTests(SynchronousTestCase):
    def test_what_was_overdrawn_is_free_when_the_window_ends(self) -> None:
        standing = fixed_standing(MINUTE, 12, 20.0)
        self.assertEqual((standing.remaining, standing.free_in_seconds), (0, 20.0))

    def test_what_is_left_is_free_now(self) -> None:
        standing = fixed_standing(MINUTE, 9, 20.0)
        self.assertEqual(
            (standing.remaining, standing.free_in_seconds, standing.full_in_seconds), (1, 0, 20.0)
        )


class ClientNameTests(SynchronousTestCase):
    def test_ipv4_counts_by_the_address(self) -> None:
        self.assertEqual(client_name("192.0.2.7"), "192.0.2.7")

    def test_all_addresses_of_one_ipv6_network_are_one_client(self) -> None:
        self.assertEqual(client_name("2001:db8:0:1::1"), client_name("2001:db8:0:1:ffff::2"))
        self.assertNotEqual(client_name("2001:db8:0:1::1"), client_name("2001:db8:0:2::1"))
        self.assertEqual(client_name("fe80::1%eth0"), "fe80::/64")

    def test_a_client_without_an_address_has_a_name_too(self) -> None:
        self.assertEqual(client_name("-"), "-")


class SettingsTests(SynchronousTestCase):
    def test_nothing_is_limited_unless_something_is(self) -> None:
        self.assertFalse(LimitSettings().any)
        self.assertTrue(LimitSettings(client_requests=3).any)

    def test_it_says_what_is_limited(self) -> None:
        settings = LimitSettings(requests=(MINUTE,), client_requests=3)
        self.assertEqual(str(settings), "requests 10 in 60s, 3 at a time")
