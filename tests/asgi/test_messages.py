from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from piecesd.asgi.messages import chunk, has_length, peer, request_header
from piecesd.http.framing import NotHttp
from tests.asgi.server import http_scope


def lines(scope: dict[str, Any], *, chunked: bool = False) -> list[bytes]:
    header = request_header(scope, chunked=chunked)
    assert header.endswith(b"\r\n\r\n")
    return header[:-4].split(b"\r\n")


class HeaderTests(SynchronousTestCase):
    def test_what_the_server_says_is_said_in_http(self) -> None:
        scope = http_scope("POST", "/v1/x", (b"X-Any", b"\xe9 b"), query_string=b"a=1&b")
        self.assertEqual(
            lines(scope),
            [
                b"POST /v1/x?a=1&b HTTP/1.1",
                b"host: testserver",
                b"X-Any: \xe9 b",
                b"connection: close",
            ],
        )

    def test_what_is_between_server_and_client_is_left_out(self) -> None:
        hop = [b"Connection", b"keep-alive", b"TE", b"Transfer-Encoding", b"upgrade", b"Expect"]
        said = lines(http_scope("GET", "/", *((name, b"chunked") for name in hop)))
        self.assertEqual(said[1:], [b"host: testserver", b"connection: close"])

    def test_a_body_without_a_length_is_announced_in_chunks(self) -> None:
        self.assertIn(b"transfer-encoding: chunked", lines(http_scope(), chunked=True))
        self.assertEqual(chunk(b"a" * 26), b"1a\r\n" + b"a" * 26 + b"\r\n")

    def test_a_length_is_found_however_it_is_written(self) -> None:
        self.assertTrue(has_length(http_scope("POST", "/", (b"Content-Length", b"3"))))
        self.assertFalse(has_length(http_scope("POST", "/")))

    def test_a_host_is_made_up_where_the_client_need_not_say_one(self) -> None:
        self.assertEqual(lines(http_scope(headers=[]))[1], b"host: localhost")

    def test_a_path_that_the_server_has_decoded_is_encoded_again(self) -> None:
        scope = http_scope(path="/v1/models/a b\u00e9?", raw_path=None)
        self.assertEqual(lines(scope)[0], b"GET /v1/models/a%20b%C3%A9%3F HTTP/1.1")

    def test_the_path_is_that_below_where_the_application_is_mounted(self) -> None:
        mounted = http_scope(
            path="/some ai/ping", raw_path=b"/some%20ai/ping", root_path="/some ai"
        )
        self.assertEqual(lines(mounted)[0], b"GET /ping HTTP/1.1")
        elsewhere = http_scope(path="/aix/ping", raw_path=b"/aix/ping", root_path="/ai")
        self.assertEqual(lines(elsewhere)[0], b"GET /aix/ping HTTP/1.1")


class ForgeryTests(SynchronousTestCase):
    """Nothing that a server hands on can begin a line of its own."""

    def test_line_ends_in_any_part_are_refused(self) -> None:
        end = b"\r\nx-forged: 1"
        for scope in (
            http_scope("GET\r\nx-forged: 1"),
            http_scope(raw_path=b"/ping HTTP/1.1" + end),
            http_scope(raw_path=b"/ping" + end),
            http_scope(query_string=b"a HTTP/1.1\n\n"),
            http_scope("GET", "/ping", (b"x-any", b"1" + end)),
            http_scope("GET", "/ping", (b"x-any", b"1\nx-forged: 1")),
            http_scope("GET", "/ping", (b"x-any: 1" + end, b"1")),
            http_scope("GET", "/ping", (b"x any", b"1")),
            http_scope("GET", "/ping", (b"", b"1")),
        ):
            self.assertRaises(NotHttp, request_header, scope, chunked=False)

    @given(
        st.binary(max_size=20),
        st.lists(st.tuples(st.binary(max_size=12), st.binary(max_size=12)), max_size=4),
    )
    def test_whatever_comes_is_refused_or_has_a_line_for_each_header(
        self, path: bytes, headers: list[tuple[bytes, bytes]]
    ) -> None:
        scope = http_scope("GET", "/", *headers, raw_path=b"/" + path)
        try:
            said = lines(scope)
        except NotHttp:
            return
        self.assertLessEqual(len(said), 1 + 1 + len(headers) + 1)
        self.assertTrue(said[0].startswith(b"GET /"))
        self.assertEqual(said[-1], b"connection: close")
        self.assertFalse(any(b"\r" in line or b"\n" in line for line in said))


class PeerTests(SynchronousTestCase):
    def test_it_is_the_address_that_the_server_tells(self) -> None:
        self.assertEqual(peer(http_scope()), IPv4Address("TCP", "192.0.2.7", 4321))
        six = http_scope(client=["2001:db8::7", 1])
        self.assertEqual(peer(six), IPv6Address("TCP", "2001:db8::7", 1))

    def test_where_there_is_none_it_is_as_behind_a_socket_file(self) -> None:
        for client in (None, ("", 0), ("testclient", 50000)):
            self.assertEqual(peer(http_scope(client=client)), UNIXAddress(None))
