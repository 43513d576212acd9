from ipaddress import IPv4Address, IPv6Address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.access.networks import (
    IpAddress,
    IpNetwork,
    Networks,
    NetworkTable,
    network_of,
    parse_address,
    parse_network,
    shown,
)
from tests.access.strategies import addresses, networks


class ReadingTests(SynchronousTestCase):
    def test_an_ipv4_address_in_ipv6_is_that_of_ipv4(self) -> None:
        self.assertEqual(parse_address("::ffff:192.0.2.7"), IPv4Address("192.0.2.7"))
        self.assertEqual(parse_address("::FFFF:c000:207"), IPv4Address("192.0.2.7"))
        self.assertEqual(shown(parse_network("::ffff:192.0.2.0/120")), "192.0.2.0/24")

    def test_an_address_has_no_zone_for_its_name_could_be_anything(self) -> None:
        for text in ("fe80::1%eth0", "fe80::1%<script>", "fe80::1%\n", "1.2.3.4%x"):
            self.assertRaises(ValueError, parse_address, text)
            self.assertRaises(ValueError, parse_network, text)

    def test_what_is_no_address_is_refused(self) -> None:
        for text in ("", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "localhost", "٣.1.1.1"):
            self.assertRaises(ValueError, parse_address, text)

    def test_a_network_has_no_bits_beyond_its_prefix(self) -> None:
        for text in ("10.0.0.1/8", "2001:db8::1/64", "10.0.0.0/33", "10.0.0.0/"):
            self.assertRaises(ValueError, parse_network, text)

    @given(networks())
    def test_a_network_is_written_as_it_is_read(self, network: IpNetwork) -> None:
        self.assertEqual(parse_network(shown(network)), network)

    def test_a_network_of_one_is_written_as_an_address(self) -> None:
        self.assertEqual(shown(parse_network("192.0.2.7")), "192.0.2.7")
        self.assertEqual(shown(parse_network("2001:DB8::7/128")), "2001:db8::7")

    @given(addresses, st.integers(0, 32))
    def test_an_address_lies_in_its_network(self, address: IpAddress, bits: int) -> None:
        network = network_of(address, bits)
        self.assertIn(address, network)
        self.assertEqual(network.prefixlen, bits)


class NetworksTests(SynchronousTestCase):
    @given(st.lists(networks(), max_size=8), addresses)
    def test_an_address_is_in_them_as_in_one_of_them(
        self, several: list[IpNetwork], address: IpAddress
    ) -> None:
        expected = any(address in network for network in several)
        self.assertEqual(address in Networks(several), expected)
        self.assertEqual(bool(Networks(several)), bool(several))

    @given(st.lists(networks(), min_size=1, max_size=8), st.data())
    def test_an_address_of_one_of_them_is_in_them(
        self, several: list[IpNetwork], data: st.DataObject
    ) -> None:
        network = data.draw(st.sampled_from(several))
        number = data.draw(st.integers(0, network.num_addresses - 1))
        inside = int(network.network_address) + number
        address = IPv4Address(inside) if network.version == 4 else IPv6Address(inside)
        self.assertIn(address, Networks(several))

    @given(networks(), networks())
    def test_they_hold_a_network_that_is_part_of_one(
        self, outer: IpNetwork, inner: IpNetwork
    ) -> None:
        # mypy can't know that both are of one version.
        same = outer.version == inner.version
        expected = same and ip_network(inner).subnet_of(outer)  # type: ignore[arg-type]
        self.assertEqual(Networks([outer]).hold(inner), expected)


class NetworkTableTests(SynchronousTestCase):
    def test_all_networks_around_an_address_are_found(self) -> None:
        table: NetworkTable[str] = NetworkTable()
        for text in ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "::/0"):
            table[parse_network(text)] = text
        found = set(table.covering(IPv4Address("10.1.2.4")))
        self.assertEqual(found, {"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16"})
        self.assertEqual(set(table.covering(IPv6Address("::1"))), {"::/0"})

    def test_what_is_taken_out_is_gone(self) -> None:
        table: NetworkTable[str] = NetworkTable()
        one, other = parse_network("10.0.0.0/8"), parse_network("11.0.0.0/8")
        table[one], table[other] = "one", "other"
        table[one] = "again"
        self.assertEqual((len(table), table.pop(one), table.pop(one)), (2, "again", None))
        self.assertEqual(list(table.covering(IPv4Address("10.1.1.1"))), [])
        self.assertEqual(list(table.covering(IPv4Address("11.1.1.1"))), ["other"])
