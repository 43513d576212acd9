from dataclasses import replace
from ipaddress import ip_address

from twisted.trial.unittest import SynchronousTestCase

from piecesd.access import violations as module
from piecesd.access.bans import Ban
from piecesd.access.violations import BanRules, Violations

NOW = 1_700_000_000.5
RULES = BanRules(mode="single", threshold=3, window_seconds=60, duration_seconds=100)


def note(violations: Violations, *addresses: str, at: float = NOW) -> list[Ban]:
    found = [violations.note(ip_address(each), "wrong key", at) for each in addresses]
    return [ban for ban in found if ban is not None]


class ViolationsTests(SynchronousTestCase):
    def test_the_last_of_so_many_bans(self) -> None:
        violations = Violations(RULES)
        self.assertEqual(note(violations, *["192.0.2.7"] * 2), [])
        (ban,) = note(violations, "192.0.2.7")
        self.assertEqual(
            (ban.address, ban.since_unix, ban.until_unix, ban.violations, ban.reason),
            ("192.0.2.7", 1_700_000_000, 1_700_000_101, 3, "wrong key"),
        )

    def test_counting_begins_anew_after_a_ban(self) -> None:
        violations = Violations(RULES)
        note(violations, *["192.0.2.7"] * 3)
        self.assertEqual((len(violations), note(violations, *["192.0.2.7"] * 2)), (0, []))

    def test_old_violations_are_forgiven(self) -> None:
        violations = Violations(RULES)
        note(violations, *["192.0.2.7"] * 2)
        self.assertEqual(note(violations, *["192.0.2.7"] * 2, at=NOW + 61), [])
        self.assertEqual(len(note(violations, "192.0.2.7", at=NOW + 121)), 1)

    def test_each_client_is_counted_for_itself(self) -> None:
        violations = Violations(RULES)
        self.assertEqual(note(violations, *(f"192.0.2.{n}" for n in range(200))), [])

    def test_in_a_subnet_all_are_one(self) -> None:
        violations = Violations(replace(RULES, mode="subnet"))
        (ban,) = note(violations, "192.0.2.1", "192.0.2.2", "192.0.2.3")
        self.assertEqual(ban.address, "192.0.2.0/24")

    def test_of_ipv6_all_addresses_that_one_client_can_have_are_one(self) -> None:
        for mode in ("single", "subnet"):
            violations = Violations(replace(RULES, mode=mode))
            (ban,) = note(violations, *(f"2001:db8:1:2::{n}" for n in range(3)))
            self.assertEqual(ban.address, "2001:db8:1:2::/64")

    def test_the_sizes_of_networks_can_be_set(self) -> None:
        rules = replace(RULES, mode="subnet", ipv4_prefix_bits=16, ipv6_prefix_bits=128)
        self.assertEqual(
            [ban.address for ban in note(Violations(rules), *["192.0.2.1"] * 3)], ["192.0.0.0/16"]
        )
        self.assertEqual(
            [ban.address for ban in note(Violations(rules), *["2001:db8::1"] * 3)], ["2001:db8::1"]
        )

    def test_when_off_nothing_is_counted(self) -> None:
        violations = Violations(replace(RULES, mode="off", threshold=1))
        self.assertEqual((note(violations, "192.0.2.7"), len(violations)), ([], 0))

    def test_so_many_clients_are_counted_and_those_longest_quiet_are_forgotten(self) -> None:
        self.patch(module, "MAX_COUNTED", 100)
        violations = Violations(RULES)
        note(violations, "192.0.2.7")
        for number in range(1000):
            note(violations, f"2001:db8:{number:x}::1")
            if number == 50:
                note(violations, "192.0.2.7")  # again, so that it stays
            self.assertLessEqual(len(violations), 100)
            if number == 120:
                self.assertEqual(len(note(violations, "192.0.2.7")), 1)
        self.assertEqual(note(violations, *["2001:db8:0::1"] * 2), [])
