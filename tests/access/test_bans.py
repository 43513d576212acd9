from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.access import bans as module
from piecesd.access.bans import Ban, BanList, Changes
from piecesd.access.networks import LOOPBACK, Networks, parse_network
from tests.access.strategies import bans

NOW = 1_700_000_000


def ban(address: str, *, since: int = NOW, seconds: int = 60) -> Ban:
    return Ban(
        network=parse_network(address),
        since_unix=since,
        until_unix=since + seconds,
        violations=3,
        reason="wrong key",
    )


class BanTests(SynchronousTestCase):
    def test_a_reason_is_one_printable_line(self) -> None:
        for reason in ("a\nb", "\x1b[31m", "x" * 201, "\ud800", "\u2028"):
            with self.subTest(reason), self.assertRaises(ValueError):
                Ban(
                    network=parse_network("::"),
                    since_unix=0,
                    until_unix=1,
                    violations=0,
                    reason=reason,
                )


class BanListTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        never = Networks((*LOOPBACK, parse_network("203.0.113.8")))
        self.bans = BanList(self.clock.seconds, never)

    def banned_by(self, address: str) -> str | None:
        found = self.bans.find(ip_address(address))
        return found.address if found else None

    def test_an_address_is_banned_by_itself_or_by_its_network(self) -> None:
        self.bans.add(ban("192.0.2.7"))
        self.bans.add(ban("203.0.113.0/24"))
        self.bans.add(ban("2001:db8:1:2::/64"))
        for address, expected in (
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.8", None),
            ("203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2::77", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::77", None),
        ):
            self.assertEqual(self.banned_by(address), expected, address)

    def test_a_ban_ends_by_itself(self) -> None:
        self.bans.add(ban("192.0.2.7", seconds=60))
        self.clock.advance(59.5)
        self.assertEqual(self.banned_by("192.0.2.7"), "192.0.2.7")
        self.clock.advance(0.5)
        self.assertEqual((self.banned_by("192.0.2.7"), self.bans.current()), (None, []))
        self.bans.forget_ended()
        self.assertEqual(len(self.bans), 0)

    def test_the_longest_of_several_bans_counts(self) -> None:
        self.bans.add(ban("192.0.2.0/24", seconds=60))
        self.bans.add(ban("192.0.2.7", seconds=30))
        self.assertEqual(self.banned_by("192.0.2.7"), "192.0.2.0/24")

    def test_proxies_and_this_machine_are_not_banned_with_their_network(self) -> None:
        for network in ("203.0.113.0/24", "0.0.0.0/0", "::/0"):
            self.bans.add(ban(network))
        for address in ("203.0.113.8", "127.0.0.1", "127.9.9.9", "::1"):
            self.assertIsNone(self.banned_by(address), address)
        self.assertIsNotNone(self.banned_by("203.0.113.9"))

    def test_a_ban_can_be_lifted_or_all(self) -> None:
        for address in ("192.0.2.7", "192.0.2.0/24", "2001:db8::/64"):
            self.bans.add(ban(address))
        self.assertTrue(self.bans.lift(parse_network("192.0.2.7")))
        self.assertFalse(self.bans.lift(parse_network("192.0.2.7")))
        self.assertEqual(self.banned_by("192.0.2.7"), "192.0.2.0/24")
        self.assertEqual((self.bans.lift_all(), self.bans.current()), (2, []))

    def test_there_is_a_bound_and_the_first_to_end_makes_room(self) -> None:
        self.patch(module, "MAX_BANS", 3)
        for number in range(5):
            self.bans.add(ban(f"192.0.2.{number}", seconds=100 - number))
        self.assertEqual(
            [each.address for each in self.bans.current()], ["192.0.2.0", "192.0.2.1", "192.0.2.4"]
        )
        self.bans.adopt(ban(f"198.51.100.{number}", seconds=200 + number) for number in range(5))
        self.assertEqual(len(self.bans), 3)

    def test_changes_are_taken_once(self) -> None:
        self.bans.add(ban("192.0.2.7"))
        self.assertTrue(self.bans.is_changed)
        self.assertEqual(self.bans.take_changes().applied_to([]), [ban("192.0.2.7")])
        self.assertFalse(self.bans.is_changed)

    def test_what_was_changed_meanwhile_survives_what_is_adopted(self) -> None:
        self.bans.add(ban("192.0.2.1"))
        self.bans.take_changes()
        self.bans.add(ban("192.0.2.2"))
        self.bans.lift(parse_network("192.0.2.1"))
        self.bans.adopt([ban("192.0.2.1"), ban("192.0.2.3")])
        self.assertEqual({each.address for each in self.bans.current()}, {"192.0.2.2", "192.0.2.3"})

    def test_changes_that_are_given_back_come_before_later_ones(self) -> None:
        self.bans.add(ban("192.0.2.1"))
        self.bans.add(ban("192.0.2.2"))
        changes = self.bans.take_changes()
        self.bans.lift(parse_network("192.0.2.2"))
        self.bans.give_back(changes)
        self.assertEqual(self.bans.take_changes().applied_to([]), [ban("192.0.2.1")])


changes = st.builds(
    lambda all_lifted, added, lifted: Changes(
        all_lifted=all_lifted,
        by_network={each.network: each for each in added} | {each.network: None for each in lifted},
    ),
    st.booleans(),
    st.lists(bans, max_size=4),
    st.lists(bans, max_size=4),
)


class ChangesTests(SynchronousTestCase):
    @given(st.lists(bans, max_size=4), changes, changes)
    def test_two_one_after_the_other_are_both(
        self, given_bans: list[Ban], first: Changes, second: Changes
    ) -> None:
        one_by_one = second.applied_to(first.applied_to(given_bans))
        at_once = first.then(second).applied_to(given_bans)
        self.assertEqual(set(at_once), set(one_by_one))
