"""Endpoint strings."""

import contextlib
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import (
    InheritedEndpoint,
    ListenEndpoint,
    TcpEndpoint,
    TlsFiles,
    UnixEndpoint,
    kinds,
)

parse = ListenEndpoint.parse


def place(text: str) -> Any:
    return parse(text).place


class ListenEndpointTests(SynchronousTestCase):
    def test_tcp_is_on_all_interfaces_where_none_is_named(self) -> None:
        self.assertEqual(place("tcp:8787"), TcpEndpoint(host="0.0.0.0", port=8787))
        self.assertEqual(place("tcp6:8787"), TcpEndpoint(host="::", port=8787))
        self.assertEqual(place("tcp:port=1:backlog=5").backlog, 5)

    def test_an_ipv6_address_stands_in_brackets_or_behind_backslashes(self) -> None:
        for text in ("tcp:1:interface=[::1]", r"tcp6:1:interface=\:\:1"):
            self.assertEqual(place(text), TcpEndpoint(host="::1", port=1))

    def test_unix_has_a_path_and_a_mode(self) -> None:
        self.assertEqual(
            place("unix:/run/p.sock:mode=660"),
            UnixEndpoint(path=Path("/run/p.sock"), mode=0o660),
        )
        self.assertEqual(place(r"unix:/a\:b"), UnixEndpoint(path=Path("/a:b")))
        self.assertEqual(place("unix:address=x").path, Path("x").absolute())

    def test_ssl_has_a_key_and_a_certificate_which_may_be_one_file(self) -> None:
        one = Path("/k.pem")
        self.assertEqual(
            place("ssl:443:privateKey=/k.pem").tls,
            TlsFiles(private_key=one, certificate=one),
        )
        self.assertEqual(
            place("ssl:443:privateKey=/k.pem:certKey=/c.pem:extraCertChain=/e.pem").tls,
            TlsFiles(private_key=one, certificate=Path("/c.pem"), extra_chain=Path("/e.pem")),
        )

    def test_an_inherited_socket_has_a_number_or_a_name(self) -> None:
        self.assertEqual(
            place("systemd:domain=INET:index=0"), InheritedEndpoint(domain="INET", index=0)
        )
        self.assertEqual(
            place("systemd:domain=UNIX:name=api"),
            InheritedEndpoint(domain="UNIX", name="api"),
        )

    def test_any_of_them_may_be_behind_a_proxy(self) -> None:
        for text in ("tcp:1", "unix:/x", "systemd:domain=INET:index=0", "ssl:1:privateKey=/k"):
            endpoint = parse(f"haproxy:{text}")
            self.assertTrue(endpoint.proxied)
            self.assertEqual(endpoint.place, place(text))
            self.assertFalse(parse(text).proxied)

    def test_what_is_no_endpoint_is_refused(self) -> None:
        for text in (
            "",
            "8787",
            "tcp",
            "tcp:",
            "tcp:x",
            "tcp:65536",
            "tcp:-1",
            "tcp:1:2",
            "tcp:1:interface=host",
            "tcp:1:interface=::1",
            "tcp:1:nothing=2",
            "tcp:1:backlog=5:backlog=5",
            "tcp:1\\",
            "udp:1",
            "unix",
            "unix:/x:mode=9",
            "unix:/x:mode=7777",
            "ssl:1",
            "ssl:1:certKey=/c",
            "systemd:domain=INET",
            "systemd:domain=IPX:index=0",
            "systemd:domain=INET:index=0:name=a",
            "systemd:domain=INET:index=x",
            "haproxy",
            "haproxy:haproxy:tcp:1",
        ):
            self.assertRaises(ValueError, parse, text)

    @given(st.text("tcpunixsl6:=\\[]/0189. ", max_size=30) | st.text(max_size=10))
    def test_any_text_is_an_endpoint_or_refused(self, text: str) -> None:
        with contextlib.suppress(ValueError):
            self.assertEqual(parse(text).text, text)

    def test_blanks_separate_several(self) -> None:
        read = kinds.listen_endpoints().read
        self.assertEqual(read(""), ())
        self.assertEqual(read("tcp:1  tcp:2"), (parse("tcp:1"), parse("tcp:2")))
        self.assertRaises(ValueError, read, "tcp:1 tcp:1")
