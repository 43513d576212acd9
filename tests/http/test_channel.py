from hypothesis import given
from hypothesis import strategies as st

from tests.http.scripted_completions import ANSWER
from tests.http.wire import (
    Connection,
    WireTestCase,
    chat_body,
    chat_bytes,
    read_responses,
    request_bytes,
)

PING = request_bytes("GET", "/ping")
CHAT_HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: test\r\n"


class TimeoutTests(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serve(
            header_timeout_seconds=10,
            body_timeout_seconds=20,
            keepalive_timeout_seconds=30,
            linger_seconds=5,
        )

    def assert_timed_out(self, connection: Connection) -> None:
        response = connection.responses()[-1]
        self.assertEqual((response.status, response.error["code"]), (408, "request_timeout"))
        self.assertEqual(response.headers["connection"], "close")
        self.assertFalse(connection.open)

    def test_a_header_has_its_time_in_all_however_it_trickles(self) -> None:
        connection = self.connect()
        for byte in PING[:9]:
            connection.send(bytes([byte]))
            self.clock.advance(1)
        self.assertEqual(connection.received, b"")
        self.clock.advance(1)
        self.assert_timed_out(connection)
        self.assertIn("10 seconds", connection.response().error["message"])

    def test_a_connection_that_says_nothing_is_closed_without_a_word(self) -> None:
        connection = self.connect()
        self.clock.advance(10)
        self.assertEqual((connection.received, connection.open), (b"", False))

    def test_a_body_has_its_time_in_all(self) -> None:
        connection = self.connect()
        connection.send(CHAT_HEAD + b"content-length: 100\r\n\r\n")
        for _ in range(19):
            connection.send(b" ")
            self.clock.advance(1)
        self.assertEqual(connection.received, b"")
        self.clock.advance(1)
        self.assert_timed_out(connection)
        self.assertIn("20 seconds", connection.response().error["message"])

    def test_a_later_request_may_be_long_in_coming_but_then_its_header_has_its_time(self) -> None:
        connection = self.connect()
        connection.send(PING)
        self.clock.advance(29)
        connection.send(PING[:5])
        self.clock.advance(9)
        connection.send(PING[5:])
        self.assertEqual(len(connection.responses()), 2)
        connection.send(PING[:5])
        self.clock.advance(10)
        self.assert_timed_out(connection)

    def test_the_begin_of_a_next_request_that_came_with_the_last_counts_at_once(self) -> None:
        connection = self.connect()
        connection.send(PING + PING[:5])
        self.assertEqual(len(connection.responses()), 1)
        self.clock.advance(10)
        self.assert_timed_out(connection)

    def test_an_idle_connection_is_closed_without_a_word(self) -> None:
        connection = self.connect()
        connection.send(PING)
        self.clock.advance(29)
        self.assertTrue(connection.open)
        self.clock.advance(1)
        self.assertFalse(connection.open)
        self.assertEqual(len(connection.responses()), 1)

    def test_an_answer_may_take_as_long_as_it_takes(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes())
        self.clock.pump([60] * 10)
        self.assertTrue(connection.open)
        self.completions.begun[0].give(ANSWER)
        self.assertEqual(connection.response().status, 200)

    def test_nothing_is_left_on_the_clock_by_connections_that_are_gone(self) -> None:
        for data in (b"", PING, PING[:9], CHAT_HEAD + b"content-length: 9\r\n\r\n", chat_bytes()):
            connection = self.connect()
            connection.send(data)
            connection.leave()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.site.connections, set())


class BodyLimitTests(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serve(max_body_bytes=1000, linger_seconds=5, linger_bytes=5000)

    def assert_too_large(self, connection: Connection) -> None:
        response = connection.response()
        self.assertEqual((response.status, response.error["code"]), (413, "request_too_large"))
        self.assertIn("1000", response.error["message"])
        self.assertEqual(response.headers["connection"], "close")

    def test_a_length_over_the_limit_is_refused_before_the_body_comes(self) -> None:
        connection = self.connect()
        connection.send(CHAT_HEAD + b"content-length: 1001\r\nexpect: 100-continue\r\n\r\n")
        self.assert_too_large(connection)
        self.assertTrue(connection.open)

    def test_chunks_are_refused_once_they_come_to_more_than_the_limit(self) -> None:
        connection = self.connect()
        connection.send(CHAT_HEAD + b"transfer-encoding: chunked\r\n\r\n")
        connection.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        self.assertEqual(connection.received, b"")
        connection.send(b"5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n")
        self.assert_too_large(connection)

    def test_what_still_comes_is_thrown_away_until_the_client_leaves(self) -> None:
        connection = self.connect()
        connection.send(CHAT_HEAD + b"content-length: 4000\r\n\r\n")
        for _ in range(4):
            connection.send(b"x" * 1000)
        connection.send(PING)
        self.assert_too_large(connection)
        self.assertTrue(connection.open)

    def test_but_not_for_ever(self) -> None:
        connection = self.connect()
        connection.send(CHAT_HEAD + b"content-length: 99999\r\n\r\n")
        for _ in range(4):
            connection.send(b"x")
            self.clock.advance(1)
        self.assertTrue(connection.open)
        self.clock.advance(1)
        self.assertFalse(connection.open)

    def test_and_not_whatever_comes(self) -> None:
        connection = self.connect()
        connection.send(CHAT_HEAD + b"content-length: 99999\r\n\r\n")
        connection.send(b"x" * 5000)
        self.assertTrue(connection.open)
        connection.send(b"x")
        self.assertFalse(connection.open)

    def test_a_body_of_just_the_limit_is_read(self) -> None:
        self.completions.script = [ANSWER]
        body = chat_body().ljust(1000)
        length = f"content-length: {len(body)}\r\n\r\n".encode()
        chunked = b"transfer-encoding: chunked\r\n\r\n3e8\r\n" + body + b"\r\n0\r\n\r\n"
        for message in (length + body, chunked):
            self.assertEqual(self.exchange(CHAT_HEAD + message).status, 200)

    def test_the_other_checks_come_first(self) -> None:
        self.serve(max_body_bytes=1000, api_keys=("k",))
        for path, status in (("/v1/chat/completions", 401), ("/nothing", 404)):
            connection = self.connect()
            connection.send(
                f"POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 1001\r\n\r\n".encode()
            )
            response = connection.response()
            self.assertEqual((response.status, response.headers["connection"]), (status, "close"))

    def test_a_client_that_waits_to_be_told_is_told_to_go_on(self) -> None:
        self.completions.script = [ANSWER]
        connection = self.connect()
        body = chat_body()
        head = CHAT_HEAD + f"content-length: {len(body)}\r\n".encode()
        connection.send(head + b"expect: 100-continue\r\n\r\n")
        self.assertEqual(connection.received, b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.send(body)
        self.assertEqual([each.status for each in connection.responses()], [100, 200])


class MalformedHttpTests(WireTestCase):
    def test_what_comes_after_it_is_not_read(self) -> None:
        connection = self.connect()
        connection.send(b"nonsense\r\n\r\n" + PING)
        connection.send(PING)
        self.assertEqual(connection.response().status, 400)

    @given(st.lists(st.binary(), max_size=5))
    def test_any_bytes_get_nothing_or_whole_responses(self, pieces: list[bytes]) -> None:
        self.assert_reads_well(pieces)

    @given(
        st.lists(
            st.sampled_from(
                [
                    *(bytes([byte]) for byte in b"\r\n :;/0aZ\x00\xff"),
                    b"\r\n",
                    b"\r\n\r\n",
                    b"GET /ping HTTP/1.1\r\nhost: test\r\n",
                    b"GET /v1/models/%ff HTTP/1.0\r\n",
                    CHAT_HEAD,
                    b"content-length: 3\r\n",
                    b"content-length: 99999999999\r\n",
                    b"transfer-encoding: chunked\r\n",
                    b"expect: 100-continue\r\n",
                    b"connection: close\r\n",
                    b"accept-language: zh\r\n",
                    b"host: \xff\r\n",
                    b"3\r\nabc\r\n",
                    b"0\r\n\r\n",
                    chat_bytes(),
                ]
            ),
            max_size=12,
        )
    )
    def test_pieces_of_http_in_any_order_get_nothing_or_whole_responses(
        self, pieces: list[bytes]
    ) -> None:
        self.assert_reads_well(pieces)

    def assert_reads_well(self, pieces: list[bytes]) -> None:
        self.completions.script = [ANSWER]
        connection = self.connect()
        for piece in pieces:
            connection.send(piece)
        self.clock.advance(1000)
        connection.leave()
        received = connection.received.replace(b"HTTP/1.0 ", b"HTTP/1.1 ")
        for response in read_responses(received):
            self.assertIn(response.status, (100, 200, 400, 404, 405, 408, 413, 431))
        self.assertEqual(self.site.connections, set())
        self.assertEqual(self.api.running.count, 0)


class PersistenceTests(WireTestCase):
    def test_requests_that_come_at_once_are_answered_in_order(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes() + PING)
        self.assertEqual(connection.received, b"")
        self.completions.begun[0].give(ANSWER)
        self.assertEqual([each.status for each in connection.responses()], [200, 200])
        self.assertEqual(connection.responses()[1].body, b"pong")

    def test_a_connection_is_closed_where_the_client_wants_that(self) -> None:
        connection = self.connect()
        connection.send(request_bytes("GET", "/ping", headers=["connection: close"]))
        self.assertEqual(connection.response().headers["connection"], "close")
        self.assertFalse(connection.open)

    def test_a_client_that_never_takes_the_last_bytes_is_dropped(self) -> None:
        connection = self.connect()
        self.patch(connection.transport, "loseConnection", lambda: None)
        connection.send(request_bytes("GET", "/ping", headers=["connection: close"]))
        dropped: list[bool] = []
        self.patch(connection.transport, "abortConnection", lambda: dropped.append(True))
        self.clock.advance(14)
        self.assertEqual(dropped, [])
        self.clock.advance(1)
        self.assertEqual(dropped, [True])
