"""The table of raw requests against a site without a socket, whole and in
pieces."""

from tests.http.raw_requests import ANSWERED, MAX_BODY_BYTES, REFUSED, RawRequest
from tests.http.wire import Connection, WireTestCase, read_responses, request_bytes


class RawRequestTests(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serve(max_body_bytes=MAX_BODY_BYTES, linger_bytes=2 * MAX_BODY_BYTES)

    def sent(self, case: RawRequest, piece_bytes: int) -> Connection:
        connection = self.connect()
        for start in range(0, len(case.data), piece_bytes):
            connection.send(case.data[start : start + piece_bytes])
        self.clock.pump([0] * len(case.statuses))
        return connection

    def assert_answered(self, case: RawRequest, connection: Connection) -> None:
        responses = read_responses(connection.received.replace(b"HTTP/1.0 ", b"HTTP/1.1 "))
        statuses = tuple(response.status for response in responses)
        self.assertEqual(statuses, case.statuses, case.name)
        if case.code is not None:
            self.assertEqual(responses[-1].error["code"], case.code, case.name)

    def assert_refused(self, case: RawRequest, piece_bytes: int) -> None:
        connection = self.sent(case, piece_bytes)
        self.assert_answered(case, connection)
        self.assertIn(b"connection: close\r\n", connection.received.lower(), case.name)
        self.assertEqual(self.exchange(request_bytes("GET", "/ping")).body, b"pong", case.name)
        connection.send(request_bytes("GET", "/ping"))
        self.assert_answered(case, connection)
        self.clock.advance(self.settings.linger_seconds)
        self.assertFalse(connection.open, case.name)

    def test_each_that_is_refused_gets_its_error_and_a_close(self) -> None:
        for case in REFUSED:
            self.assert_refused(case, len(case.data))

    def test_however_it_comes_in_pieces(self) -> None:
        for case in REFUSED:
            self.assert_refused(case, max(1, len(case.data) // 700))

    def test_each_that_is_right_is_answered(self) -> None:
        for case in ANSWERED:
            for piece_bytes in (1, 7, len(case.data)):
                self.assert_answered(case, self.sent(case, piece_bytes))

    def test_no_request_that_is_refused_reaches_the_upstream(self) -> None:
        for case in REFUSED:
            self.sent(case, len(case.data))
        self.assertEqual(self.completions.begun, [])
