from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from piecesd.access import violations as module
from piecesd.access.bans import Ban
from piecesd.access.violations import BanRules, MemoryCounts, Violations
from tests.ratelimits.support import clock_at

NOW = 1_700_000_000.5
RULES = BanRules(mode="single", threshold=3, window_seconds=60, duration_seconds=100)


class ViolationsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = clock_at(NOW)

    def violations(self, **rules: Any) -> Violations:
        return Violations(replace(RULES, **rules), self.clock.seconds)

    def note(self, violations: Violations, *addresses: str) -> list[Ban]:
        found = [violations.note(ip_address(each), "wrong key") for each in addresses]
        return [ban for ban in found if ban is not None]

    def test_the_last_of_so_many_bans(self) -> None:
        violations = self.violations()
        self.assertEqual(self.note(violations, *["192.0.2.7"] * 2), [])
        (ban,) = self.note(violations, "192.0.2.7")
        self.assertEqual(
            (ban.address, ban.since_unix, ban.until_unix, ban.violations, ban.reason),
            ("192.0.2.7", 1_700_000_000, 1_700_000_101, 3, "wrong key"),
        )

    def test_counting_begins_anew_after_a_ban(self) -> None:
        violations = self.violations()
        self.note(violations, *["192.0.2.7"] * 3)
        self.assertEqual(self.note(violations, *["192.0.2.7"] * 2), [])

    def test_old_violations_are_forgiven(self) -> None:
        violations = self.violations()
        self.note(violations, *["192.0.2.7"] * 2)
        self.clock.advance(61)
        self.assertEqual(self.note(violations, *["192.0.2.7"] * 2), [])
        self.clock.advance(59)
        self.assertEqual(len(self.note(violations, "192.0.2.7")), 1)

    def test_each_client_is_counted_for_itself(self) -> None:
        violations = self.violations()
        self.assertEqual(self.note(violations, *(f"192.0.2.{n}" for n in range(200))), [])

    def test_in_a_subnet_all_are_one(self) -> None:
        violations = self.violations(mode="subnet")
        (ban,) = self.note(violations, "192.0.2.1", "192.0.2.2", "192.0.2.3")
        self.assertEqual(ban.address, "192.0.2.0/24")

    def test_of_ipv6_all_addresses_that_one_client_can_have_are_one(self) -> None:
        for mode in ("single", "subnet"):
            violations = self.violations(mode=mode)
            (ban,) = self.note(violations, *(f"2001:db8:1:2::{n}" for n in range(3)))
            self.assertEqual(ban.address, "2001:db8:1:2::/64")

    def test_the_sizes_of_networks_can_be_set(self) -> None:
        rules = {"mode": "subnet", "ipv4_prefix_bits": 16, "ipv6_prefix_bits": 128}
        self.assertEqual(
            [ban.address for ban in self.note(self.violations(**rules), *["192.0.2.1"] * 3)],
            ["192.0.0.0/16"],
        )
        self.assertEqual(
            [ban.address for ban in self.note(self.violations(**rules), *["2001:db8::1"] * 3)],
            ["2001:db8::1"],
        )

    def test_when_off_nobody_is_banned(self) -> None:
        violations = self.violations(mode="off", threshold=1)
        self.assertEqual(self.note(violations, "192.0.2.7"), [])


class MemoryCountsTests(SynchronousTestCase):
    def test_so_many_clients_are_counted_and_the_oldest_counts_are_forgotten(self) -> None:
        self.patch(module, "MAX_COUNTED", 100)
        counts = MemoryCounts(RULES, clock_at(NOW).seconds)
        old = ip_network("192.0.2.7")
        counts.add(old)
        for number in range(1000):
            counts.add(ip_network(f"2001:db8:{number:x}::1"))
            self.assertLessEqual(len(counts), 100)
            if number == 50:
                self.assertEqual(counts.add(old), 2)
        self.assertEqual(counts.add(old), 1)
        self.assertEqual(counts.add(ip_network("2001:db8:3e7::1")), 2)
