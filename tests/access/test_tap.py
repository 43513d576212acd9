from pathlib import Path
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.access.ban_file import write_bans
from piecesd.access.gate import Gate
from piecesd.access.service import BanService
from piecesd.access.tap import build
from piecesd.config import load
from piecesd.errors import InvalidApiKey
from tests.access.test_bans import NOW, ban

PEER = IPv4Address("TCP", "10.0.0.1", 1).host


class BuildTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.counted: list[str] = []

    def build(self, shared: Path | None = None, **settings: str) -> tuple[Gate, BanService]:
        clock = Clock()
        clock.advance(NOW)
        gate, service = build(
            load(settings, None, {}),
            cast(Any, clock),
            shared_directory=shared,
            count_event=self.counted.append,
        )
        service.startService()
        self.addCleanup(service._threads.stop)
        return gate, service

    def folder(self) -> Path:
        folder = Path(self.mktemp())
        folder.mkdir()
        return folder

    def test_every_setting_has_its_effect(self) -> None:
        gate, _ = self.build(
            TRUSTED_PROXIES="10.0.0.0/8,unix",
            PROXY_SECRET="s3cret",
            IP_ALLOW="192.0.2.0/24,2001:db8::/32",
            IP_DENY="192.0.2.9",
            BLACKLIST_MODE="subnet",
            BLACKLIST_THRESHOLD="2",
            BLACKLIST_WINDOW="60",
            BLACKLIST_DURATION="50",
            IPV4_MASK="28",
            IPV6_MASK="56",
        )
        for peer in (PEER, None):
            told = gate.proxies.client_address(peer, [b"192.0.2.1"], b"s3cret")
            self.assertEqual(told, "192.0.2.1")
        self.assertEqual(gate.proxies.client_address(PEER, [b"192.0.2.1"]), PEER)
        refused = [a for a in ("192.0.2.1", "192.0.2.9", "198.51.100.1") if gate.refusal(a)]
        self.assertEqual(refused, ["192.0.2.9", "198.51.100.1"])
        for address in ("192.0.2.1", "2001:db8::1", PEER):
            for _ in range(2):
                gate.note_error(address, InvalidApiKey())
        self.assertEqual(
            {(each.address, each.until_unix) for each in gate.bans.current()},
            {("192.0.2.0/28", NOW + 50), ("2001:db8::/56", NOW + 50)},
        )
        self.assertEqual(self.counted, ["ban", "ban"])

    def test_nothing_is_refused_or_believed_by_default(self) -> None:
        gate, _ = self.build()
        self.assertEqual(gate.proxies.client_address(PEER, [b"192.0.2.1"]), PEER)
        for _ in range(100):
            gate.note_error(PEER, InvalidApiKey())
        self.assertIsNone(gate.refusal(PEER))

    def test_bans_are_in_the_file_that_is_set_or_else_where_workers_share(self) -> None:
        own, shared = self.folder(), self.folder()
        (own / "mine").write_bytes(write_bans([ban("192.0.2.1")]))
        (shared / "bans").write_bytes(write_bans([ban("192.0.2.2")]))
        for settings, expected in (
            ({"BLACKLIST_FILE": str(own / "mine")}, "192.0.2.1"),
            ({}, "192.0.2.2"),
        ):
            gate, _ = self.build(shared, **settings)
            self.assertEqual([each.address for each in gate.bans.current()], [expected])
