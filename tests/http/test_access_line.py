from twisted.internet.address import IPv6Address
from twisted.logger import LogLevel, formatEvent

from piecesd.chat import Usage
from piecesd.errors import UpstreamBroken
from tests.http.scripted_completions import ANSWER
from tests.http.wire import WireTestCase, chat_body, chat_bytes, request_bytes


class AccessLineTests(WireTestCase):
    def test_an_answered_request_leaves_one_line_with_its_figures(self) -> None:
        connection = self.connect()
        connection.send(
            request_bytes(
                "POST", "/v1/chat/completions?key=s3cret", chat_body(), ["x-request-id: mine"]
            )
        )
        (completion,) = self.completions.begun
        completion.figures.pieces = 4
        completion.figures.retries = 1
        completion.figures.first_piece_seconds = 0.25
        completion.figures.usage = Usage(input_tokens=5, output_tokens=2)
        self.clock.advance(1.5)
        completion.give(ANSWER)
        (line,) = self.access_lines()
        expected = {
            "request_id": "mine",
            "method": "POST",
            "path": "/v1/chat/completions",
            "model": "gpt-4o",
            "client": "192.0.2.7",
            "status": 200,
            "seconds": 1.5,
            "first_token_seconds": 0.25,
            "pieces": 4,
            "input_tokens": 5,
            "output_tokens": 2,
            "retries": 1,
            "outcome": "ok",
        }
        self.assertEqual({name: line[name] for name in expected}, expected)
        self.assertEqual(line["log_level"], LogLevel.info)
        self.assertEqual(
            formatEvent(line),
            "192.0.2.7 POST /v1/chat/completions -> 200 in 1.500s ok mine "
            "model=gpt-4o first_token=0.25 pieces=4 tokens=5+2 retries=1",
        )

    def test_a_client_of_ipv4_is_shown_as_such_also_where_both_are_listened_to(self) -> None:
        for host, client in (("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1")):
            connection = self.connect(peer=IPv6Address("TCP", host, 4321))
            connection.send(request_bytes("GET", "/ping"))
            self.assertEqual(self.access_lines()[-1]["client"], client)

    def test_a_refused_request_is_an_error_without_figures(self) -> None:
        self.get("/v1/nothing")
        (line,) = self.access_lines()
        self.assertEqual((line["outcome"], line["status"]), ("error", 404))
        self.assertEqual((line["model"], line["pieces"], line["input_tokens"]), (None, 0, None))
        self.assertEqual(
            formatEvent(line),
            f"192.0.2.7 GET /v1/nothing -> 404 in 0.000s error {line['request_id']}",
        )

    def test_a_client_that_left_first_cancelled(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes())
        connection.leave()
        (line,) = self.access_lines()
        self.assertEqual((line["outcome"], line["status"]), ("cancelled", 499))

    def test_a_client_that_left_in_mid_stream_cancelled_a_200(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes(stream=True))
        self.completions.begun[0].give_text("a")
        connection.leave()
        (line,) = self.access_lines()
        self.assertEqual((line["outcome"], line["status"]), ("cancelled", 200))

    def test_a_stream_that_failed_after_its_first_byte_is_broken(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes(stream=True))
        self.completions.begun[0].give_text("a")
        self.completions.begun[0].give(UpstreamBroken(detail="cut"))
        (line,) = self.access_lines()
        self.assertEqual((line["outcome"], line["status"]), ("broken", 200))

    def test_pings_are_for_debugging(self) -> None:
        self.get("/ping")
        (line,) = self.access_lines()
        self.assertEqual(line["log_level"], LogLevel.debug)

    def test_no_header_key_or_text_is_in_a_line(self) -> None:
        self.serve(api_keys=("sk-key",))
        self.completions.script = [ANSWER]
        self.exchange(
            request_bytes(
                "POST",
                "/v1/chat/completions?api_key=sk-key",
                chat_body(messages=[{"role": "user", "content": "private words"}]),
                ["authorization: Bearer sk-key", "cookie: sk-key"],
            )
        )
        (line,) = self.access_lines()
        self.assertEqual(line["status"], 200)
        for secret in ("sk-key", "private words", "Hello"):
            self.assertNotIn(secret, repr(line))

    def test_what_was_no_request_is_logged_as_such(self) -> None:
        connection = self.connect()
        connection.send(b"\x16\x03\x01 tls?\r\n\r\n")
        (line,) = self.access_lines()
        self.assertEqual((line["method"], line["path"], line["status"]), ("-", "-", 400))
