from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.access.bans import Ban, BanList
from piecesd.access.client import NO_ADDRESS, TrustedProxies
from piecesd.access.gate import Gate, open_gate
from piecesd.access.networks import LOOPBACK, Networks, parse_network
from piecesd.access.violations import BanRules, ViolationCounts, Violations
from piecesd.errors import (
    AddressBanned,
    AddressRefused,
    ApiError,
    InvalidApiKey,
    MalformedHttp,
    MissingApiKey,
    RequestTimedOut,
)

RULES = BanRules(mode="single", threshold=2, duration_seconds=90)


def networks(*texts: str) -> Networks:
    return Networks(map(parse_network, texts))


class GateCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.banned: list[Ban] = []

    def gate(
        self, rules: BanRules = RULES, counts: ViolationCounts | None = None, **lists: Networks
    ) -> Gate:
        never = Networks((*LOOPBACK, parse_network("10.0.0.1")))
        return Gate(
            self.clock.seconds,
            proxies=TrustedProxies(),
            bans=BanList(self.clock.seconds, never),
            violations=Violations(rules, self.clock.seconds, counts),
            allow=lists.get("allow", Networks()),
            deny=lists.get("deny", Networks()),
            banned=self.banned.append,
        )

    def let_in(self, gate: Gate, *addresses: str) -> list[str]:
        return [address for address in addresses if gate.refusal(address) is None]


class ListTests(GateCase):
    def test_without_lists_everybody_comes_in(self) -> None:
        everybody = ["192.0.2.7", "::1", NO_ADDRESS]
        self.assertEqual(self.let_in(self.gate(), *everybody), everybody)
        self.assertEqual(self.let_in(open_gate(self.clock.seconds), *everybody), everybody)

    def test_those_denied_stay_out(self) -> None:
        gate = self.gate(deny=networks("192.0.2.0/24", "2001:db8::/32"))
        self.assertEqual(
            self.let_in(gate, "192.0.2.7", "2001:db8::1", "192.0.3.7", "::1"), ["192.0.3.7", "::1"]
        )
        self.assertIs(type(gate.refusal("192.0.2.7")), AddressRefused)

    def test_where_some_are_allowed_others_are_not(self) -> None:
        gate = self.gate(allow=networks("192.0.2.0/24"))
        self.assertEqual(self.let_in(gate, "192.0.2.7", "192.0.3.7", "::1"), ["192.0.2.7"])

    def test_denial_wins(self) -> None:
        gate = self.gate(allow=networks("192.0.2.0/24"), deny=networks("192.0.2.7"))
        self.assertEqual(self.let_in(gate, "192.0.2.7", "192.0.2.8"), ["192.0.2.8"])

    def test_a_client_without_an_address_is_not_in_question(self) -> None:
        gate = self.gate(allow=networks("192.0.2.0/24"))
        self.assertEqual(self.let_in(gate, NO_ADDRESS), [NO_ADDRESS])


class BanTests(GateCase):
    def violate(self, gate: Gate, address: str, error: ApiError, times: int = 2) -> None:
        for _ in range(times):
            gate.note_error(address, error)

    def test_wrong_keys_denied_addresses_and_malformed_http_ban(self) -> None:
        for error in (InvalidApiKey(), AddressRefused(), MalformedHttp()):
            gate = self.gate()
            self.violate(gate, "192.0.2.7", error)
            self.assertIsInstance(gate.refusal("192.0.2.7"), AddressBanned, error)
            self.assertIsNone(gate.refusal("192.0.2.8"))
        self.assertEqual(
            [ban.reason for ban in self.banned], ["wrong key", "denied address", "malformed HTTP"]
        )

    def test_other_errors_do_not(self) -> None:
        gate = self.gate()
        for error in (MissingApiKey(), RequestTimedOut(seconds=1), AddressBanned()):
            self.violate(gate, "192.0.2.7", error, times=9)
        self.assertEqual(self.banned, [])

    def test_others_may_note_violations_of_their_own(self) -> None:
        gate = self.gate()
        gate.note_violation("192.0.2.7", "too many requests")
        self.violate(gate, "192.0.2.7", InvalidApiKey(), times=1)
        self.assertEqual([ban.violations for ban in self.banned], [2])

    def test_a_refusal_says_when_the_ban_is_over(self) -> None:
        gate = self.gate()
        self.violate(gate, "192.0.2.7", InvalidApiKey())
        self.clock.advance(30.5)
        refusal: Any = gate.refusal("192.0.2.7")
        self.assertEqual(refusal.retry_after_seconds, 60)
        self.clock.advance(60)
        self.assertIsNone(gate.refusal("192.0.2.7"))

    def test_what_the_banned_do_does_not_prolong_it(self) -> None:
        gate = self.gate()
        self.violate(gate, "192.0.2.7", InvalidApiKey(), times=50)
        self.assertEqual(len(self.banned), 1)

    def test_a_ban_that_another_worker_has_made_known_holds_here_and_is_not_told_again(
        self,
    ) -> None:
        class Counts:
            count = 0

            def add(self, _client: object) -> int:
                self.count += 1
                return self.count

        counts = Counts()
        one, other = self.gate(counts=counts), self.gate(counts=counts)
        for gate in (one, one, other):
            self.violate(gate, "192.0.2.7", InvalidApiKey(), times=1)
        self.assertIsNotNone(other.refusal("192.0.2.7"))
        self.assertEqual([ban.violations for ban in self.banned], [2])

    def test_this_machine_and_proxies_are_never_banned(self) -> None:
        gate = self.gate()
        for address in ("127.0.0.1", "::1", "10.0.0.1", NO_ADDRESS):
            self.violate(gate, address, InvalidApiKey(), times=9)
        self.assertEqual(self.banned, [])

    def test_nobody_is_banned_unless_it_is_set(self) -> None:
        gate = self.gate(BanRules(threshold=1))
        self.violate(gate, "192.0.2.7", InvalidApiKey(), times=9)
        self.assertEqual((self.banned, gate.refusal("192.0.2.7")), ([], None))
