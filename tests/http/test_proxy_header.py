import ipaddress
import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.http.proxy_header import NotAProxyHeader, ProxyHeader, read_proxy_header

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
PORT = st.integers(0, 65535)
ADDRESSES = st.ip_addresses(v=4).flatmap(
    lambda first: st.tuples(st.just(first), st.ip_addresses(v=4))
) | st.ip_addresses(v=6).flatmap(lambda first: st.tuples(st.just(first), st.ip_addresses(v=6)))


def version_1(source: object, destination: object, port: int, version: int) -> bytes:
    return f"PROXY TCP{version} {source} {destination} {port} 443\r\n".encode()


def version_2(command: int, family: int, rest: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(rest)) + rest


class ProxyHeaderTests(SynchronousTestCase):
    def assert_read(self, header: bytes, source: object) -> None:
        """It is read alike whatever follows it, and not before it is whole."""
        for follows in (b"", b"GET /", b"\r\n", SIGNATURE):
            self.assertEqual(
                read_proxy_header(header + follows),
                ProxyHeader(source=source, length_bytes=len(header)),  # type: ignore[arg-type]
            )
        for length in range(len(header)):
            self.assertIsNone(read_proxy_header(header[:length]))

    @given(ADDRESSES, PORT)
    def test_both_versions_name_the_client(
        self, addresses: tuple[ipaddress.IPv4Address, ipaddress.IPv4Address], port: int
    ) -> None:
        source, destination = addresses
        self.assert_read(version_1(source, destination, port, source.version), (source, port))
        packed = source.packed + destination.packed + struct.pack("!HH", port, 443)
        family = 0x11 if source.version == 4 else 0x21
        for extensions in (b"", b"\x04\x00\x01x"):
            self.assert_read(version_2(0x21, family, packed + extensions), (source, port))

    def test_a_proxy_may_speak_for_itself_or_for_who_has_no_ip_address(self) -> None:
        self.assert_read(b"PROXY UNKNOWN\r\n", None)
        self.assert_read(b"PROXY UNKNOWN ffff:: ffff:: 1 2\r\n", None)
        self.assert_read(version_2(0x20, 0x00, b""), None)
        self.assert_read(version_2(0x20, 0x11, bytes(12)), None)
        self.assert_read(version_2(0x21, 0x31, bytes(216)), None)

    def test_what_is_none_is_refused(self) -> None:
        for data in (
            b"GET / HTTP/1.1\r\n",
            b"PROXY\r\n",
            b"PROXY TCP4\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n",
            b"PROXY TCP4 ::1 ::1 1 2\r\n",
            b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
            b"PROXY TCP4 1.2.3.999 1.2.3.4 1 2\r\n",
            b"PROXY TCP4 a\x1b[2J 1.2.3.4 1 2\r\n",
            b"PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 " + b"x" * 100,
            b"PROXY TCP4 1.2.3.4 1.2.3.4 " + b"1" * 100,
            version_2(0x11, 0x11, bytes(12)),
            version_2(0x22, 0x11, bytes(12)),
            version_2(0x21, 0x11, bytes(11)),
            version_2(0x21, 0x11, bytes(5000)),
        ):
            self.assertRaises(NotAProxyHeader, read_proxy_header, data)

    @given(
        st.binary(max_size=40)
        | st.binary(max_size=40).map(SIGNATURE.__add__)
        | st.text("TCP46UNKOW .:019\r\n", max_size=60).map(lambda text: b"PROXY " + text.encode())
    )
    def test_any_bytes_are_a_header_not_yet_one_or_refused(self, data: bytes) -> None:
        try:
            header = read_proxy_header(data)
        except NotAProxyHeader:
            return
        if header is not None:
            self.assertLessEqual(header.length_bytes, len(data))
