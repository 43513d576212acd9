from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.access.client import MAX_HOPS, NO_ADDRESS, TrustedProxies
from piecesd.access.networks import IpAddress, parse_address, parse_network
from tests.access.strategies import addresses

PROXIES = TrustedProxies(
    [parse_network("10.0.0.0/8"), parse_network("2001:db8:1::/48"), parse_network("127.0.0.1")]
)
STRANGERS = addresses.filter(lambda address: str(address)[:3] not in ("10.", "127", "200"))

JUNK = [
    b"",
    b"unknown",
    b"_hidden",
    b"1.2.3",
    b"1.2.3.4:x",
    b"1.2.3.4:",
    b"[2001:db8::1",
    b"[2001:db8::1]x",
    b"[2001:db8::1]:",
    b"fe80::1%<script>alert(1)</script>",
    b"<b>1.2.3.4</b>",
    b"../../etc/passwd",
    b"\x1b[31m1.2.3.4",
    b"1.2.3.4\nforged",
    b"\xff\xfe",
    b"for=1.2.3.4",
]


def client(peer: str | None, *header: bytes) -> str:
    return PROXIES.client_address(peer, header or None)


class UntrustedTests(SynchronousTestCase):
    @given(st.lists(st.binary()))
    def test_what_a_stranger_says_of_itself_is_not_read(self, header: list[bytes]) -> None:
        self.assertEqual(client("192.0.2.7", *header), "192.0.2.7")

    @given(st.binary())
    def test_nobody_is_trusted_unless_it_is_set(self, header: bytes) -> None:
        self.assertEqual(TrustedProxies().client_address("127.0.0.1", [header]), "127.0.0.1")

    def test_addresses_have_one_form(self) -> None:
        self.assertEqual(client("::ffff:192.0.2.7"), "192.0.2.7")
        self.assertEqual(client("2001:DB8:0::7"), "2001:db8::7")
        self.assertEqual(client("fe80::1%eth0"), "fe80::1")

    def test_a_connection_without_an_address_has_none(self) -> None:
        self.assertEqual(client(None, b"192.0.2.7"), NO_ADDRESS)
        self.assertEqual(client(NO_ADDRESS, b"192.0.2.7"), NO_ADDRESS)


class TrustedTests(SynchronousTestCase):
    def test_a_proxy_is_believed(self) -> None:
        self.assertEqual(client("10.1.1.1", b"192.0.2.7"), "192.0.2.7")
        self.assertEqual(client("::ffff:10.1.1.1", b"2001:db8:2::7"), "2001:db8:2::7")

    def test_the_first_from_the_right_that_is_no_proxy_is_the_client(self) -> None:
        for header in (
            [b"6.6.6.6, 192.0.2.7, 10.2.2.2"],
            [b"6.6.6.6", b"192.0.2.7,10.2.2.2"],
            [b"6.6.6.6,192.0.2.7", b"2001:db8:1::2 ,\t10.2.2.2"],
            [b"<script>, 192.0.2.7:4711, [2001:db8:1::2]:443"],
            [b"6.6.6.6, ::ffff:192.0.2.7, ::ffff:10.2.2.2"],
        ):
            self.assertEqual(client("10.1.1.1", *header), "192.0.2.7", header)

    def test_where_there_are_only_proxies_it_is_the_first_of_them(self) -> None:
        self.assertEqual(client("10.1.1.1", b"10.3.3.3, 10.2.2.2"), "10.3.3.3")
        self.assertEqual(client("10.1.1.1"), "10.1.1.1")

    def test_junk_ends_the_chain_at_the_last_good_hop(self) -> None:
        for junk in JUNK:
            self.assertEqual(client("10.1.1.1", junk), "10.1.1.1", junk)
            self.assertEqual(client("10.1.1.1", b"192.0.2.7," + junk + b",10.2.2.2"), "10.2.2.2")

    def test_a_chain_is_followed_so_far_and_no_further(self) -> None:
        hops = [b"192.0.2.7"] + [b"10.2.2.%d" % number for number in range(MAX_HOPS)]
        self.assertEqual(client("10.1.1.1", b",".join(hops[:MAX_HOPS])), "192.0.2.7")
        self.assertEqual(client("10.1.1.1", b",".join(hops)), "10.2.2.0")

    def test_unix_sockets_are_trusted_by_their_own_word(self) -> None:
        proxies = TrustedProxies(unix=True)
        self.assertEqual(proxies.client_address(None, [b"192.0.2.7"]), "192.0.2.7")
        self.assertEqual(proxies.client_address(None, [b"junk"]), NO_ADDRESS)
        self.assertEqual(proxies.client_address("10.1.1.1", [b"192.0.2.7"]), "10.1.1.1")

    @given(st.lists(st.binary()))
    def test_any_header_gives_an_address_in_its_one_form(self, header: list[bytes]) -> None:
        found = client("10.1.1.1", *header)
        self.assertEqual(str(parse_address(found)), found)

    @given(st.binary(), STRANGERS, st.lists(st.sampled_from([b"10.9.9.9", b"2001:db8:1::9"])))
    def test_what_a_client_makes_up_does_not_change_who_it_is(
        self, made_up: bytes, address: IpAddress, proxies: list[bytes]
    ) -> None:
        header = b",".join([made_up, str(address).encode(), *proxies[: MAX_HOPS - 1]])
        self.assertEqual(client("10.1.1.1", header), str(address))


class SecretTests(SynchronousTestCase):
    def client(self, peer: str | None, shown_secret: bytes | None) -> str:
        proxies = TrustedProxies([parse_network("10.0.0.0/8")], unix=True, secret="s3cret")
        return proxies.client_address(peer, [b"192.0.2.7"], shown_secret)

    def test_a_proxy_that_shows_it_is_believed(self) -> None:
        for peer in ("10.1.1.1", None):
            self.assertEqual(self.client(peer, b"s3cret"), "192.0.2.7")

    def test_the_address_alone_is_not_enough(self) -> None:
        for shown in (None, b"", b"s3cre", b"s3cret ", b"S3CRET", b"\xff"):
            self.assertEqual(self.client("10.1.1.1", shown), "10.1.1.1")
            self.assertEqual(self.client(None, shown), NO_ADDRESS)

    def test_the_secret_alone_is_not_enough(self) -> None:
        self.assertEqual(self.client("192.0.2.9", b"s3cret"), "192.0.2.9")
