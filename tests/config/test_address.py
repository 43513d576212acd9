"""Addresses of upstream services."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import UpstreamAddress


class UpstreamAddressTests(SynchronousTestCase):
    def test_host_and_port_alone_mean_tls(self) -> None:
        self.assertEqual(
            UpstreamAddress.parse("api.example:443"),
            UpstreamAddress(host="api.example", port=443, tls=True),
        )

    def test_the_scheme_says_whether_it_is_tls(self) -> None:
        self.assertTrue(UpstreamAddress.parse("grpcs://h:1").tls)
        self.assertFalse(UpstreamAddress.parse("grpc://h:1").tls)
        self.assertFalse(UpstreamAddress.parse("GRPC://h:1/").tls)

    def test_ipv6_stands_in_brackets_and_keeps_them_in_the_target(self) -> None:
        address = UpstreamAddress.parse("grpc://[::1]:50051")
        self.assertEqual(address.host, "::1")
        self.assertEqual(address.target, "[::1]:50051")

    def test_a_weight_stands_behind_a_semicolon(self) -> None:
        address = UpstreamAddress.parse("grpc://h:1;weight=3")
        self.assertEqual((address.target, address.weight), ("h:1", 3))
        self.assertEqual(UpstreamAddress.parse("h:1 ; weight=1000").weight, 1000)
        self.assertEqual(UpstreamAddress.parse("h:1").weight, 1)

    def test_what_is_no_address_is_refused(self) -> None:
        for text in (
            "host",
            "host:",
            ":443",
            "host:0",
            "host:65536",
            "host:١",
            "::1:443",
            "[::1:443",
            "[host]:443",
            "http://host:80",
            "grpc://user@host:80",
            "ho st:80",
            "host:80/path",
            "://h:1",
            "h:1;",
            "h:1;weight=0",
            "h:1;weight=1001",
            "h:1;weight=-1",
            "h:1;heavy",
        ):
            with self.subTest(text), self.assertRaises(ValueError):
                UpstreamAddress.parse(text)

    @given(
        st.sampled_from(["::1", "10.0.0.1", "gpt_service", "a.b-c.example"]),
        st.integers(1, 65535),
        st.booleans(),
    )
    def test_an_address_reads_back_from_its_text(self, host: str, port: int, tls: bool) -> None:
        address = UpstreamAddress(host=host, port=port, tls=tls)
        self.assertEqual(UpstreamAddress.parse(str(address)), address)
