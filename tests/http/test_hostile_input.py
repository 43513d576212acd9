"""What strangers send can't forge a line of the log, nor come back as HTML."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogEvent

from piecesd.access.bans import BanList
from piecesd.access.client import TrustedProxies
from piecesd.access.gate import Gate
from piecesd.access.networks import Networks, parse_network
from piecesd.access.violations import BanRules, Violations
from piecesd.logs.formatting import json_line, text_line
from piecesd.logs.redaction import Redaction
from tests.http.wire import CLIENT, Response, WireTestCase

NO_SECRETS = Redaction(())

HOSTILE = [
    b"\x1b[2J\x1b[31mred",
    b"<script>alert(1)</script>",
    b"../../../../etc/passwd",
    b"..%2f..%2fetc%2fpasswd",
    b"%0d%0aSet-Cookie:%20x=1",
    b"x\rforged",
    b"x\x0b\x0c\x85y",
    "\u2028forged \u202egnidnats".encode(),
    b"\xff\xfe\x00",
    b"{0.__class__} {request_id} %s %(x)s",
    b"x" * 4000,
    b"",
]

_NEVER_IN_A_LINE = ["\n", "\r", "\x1b", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\u202e", "\0"]

targets = st.binary(max_size=80).map(lambda each: each.replace(b"\n", b"").replace(b" ", b""))
values = st.binary(max_size=80).map(lambda each: each.replace(b"\n", b""))


class HostileInputTests(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serve(api_keys=("k",), admin_key="a", cors_origins=("https://a.example",))
        self.trust_everybody()

    def trust_everybody(self) -> None:
        """So that X-Forwarded-For is read."""
        seconds = self.clock.seconds
        self.api.gate = Gate(
            seconds,
            proxies=TrustedProxies([parse_network(f"{CLIENT.host}/32")]),
            bans=BanList(seconds, Networks()),
            violations=Violations(BanRules(), seconds),
            allow=Networks(),
            deny=Networks(),
            banned=lambda ban: None,
        )

    def attack(self, data: bytes) -> list[Response]:
        self.events.clear()
        connection = self.connect()
        connection.send(data)
        responses = connection.responses()
        connection.leave()
        self.assertTrue(self.events or not responses)
        for event in self.events:
            self.assert_is_one_line(event)
        for response in responses:
            self.assert_is_no_page(response)
        return responses

    def assert_is_one_line(self, event: LogEvent) -> None:
        text, as_json = text_line(event, NO_SECRETS), json_line(event, NO_SECRETS)
        for line in (text, as_json):
            self.assertTrue(line.endswith("\n"))
            for character in _NEVER_IN_A_LINE:
                self.assertNotIn(character, line[:-1])
        client = json.loads(as_json)["client"]
        self.assertRegex(client, r"\A[0-9a-f.:]+\Z")

    def assert_is_no_page(self, response: Response) -> None:
        self.assertIn(
            response.headers.get("content-type"),
            ("application/json", "text/plain; charset=utf-8"),
        )
        if response.headers["content-type"] == "application/json":
            response.json()
        self.assertRegex(response.headers["x-request-id"], r"\A[A-Za-z0-9._:/+=@~-]{1,128}\Z")
        self.assertNotIn("set-cookie", response.headers)

    def request(self, method: bytes = b"GET", target: bytes = b"/nothing", *lines: bytes) -> bytes:
        return b"\r\n".join([b"%b %b HTTP/1.1" % (method, target), b"host: h", *lines, b"", b""])

    def test_in_a_path(self) -> None:
        for each in HOSTILE:
            for prefix in (b"/", b"//", b"", b"/v1/models/", b"/admin/bans/", b"/ping?", b"/ping/"):
                for method in (b"GET", b"DELETE", b"POST"):
                    self.attack(self.request(method, prefix + each))

    def test_in_a_method(self) -> None:
        for each in HOSTILE:
            self.attack(self.request(each))

    def test_in_a_header(self) -> None:
        for name in (
            b"x-request-id",
            b"x-forwarded-for",
            b"authorization",
            b"accept-language",
            b"origin",
            b"content-type",
            b"host",
            b"expect",
        ):
            for each in HOSTILE:
                for target in (b"/nothing", b"/v1/models", b"/admin/bans"):
                    self.attack(self.request(b"GET", target, b"%b: %b" % (name, each)))

    def test_in_a_forwarded_address(self) -> None:
        for each in HOSTILE:
            for value in (each + b", 192.0.2.9", b"192.0.2.9%" + each, b"fe80::1%" + each):
                self.attack(self.request(b"GET", b"/ping", b"x-forwarded-for: " + value))

    def test_in_the_name_of_a_model(self) -> None:
        self.serve()
        for each in HOSTILE:
            name = json.dumps(each.decode("latin-1"))
            body = b'{"model": %b, "messages": []}' % name.encode()
            length = b"content-length: %d" % len(body)
            (response,) = self.attack(self.request(b"POST", b"/v1/chat/completions", length) + body)
            self.assertEqual(response.status, 400)

    def test_a_path_never_leads_to_a_file(self) -> None:
        for target, status, code in (
            (b"/../../etc/passwd", 404, "unknown_url"),
            (b"/%2e%2e/%2e%2e/etc/passwd", 404, "unknown_url"),
            (b"file:///etc/passwd", 400, "malformed_http"),
        ):
            (response,) = self.attack(self.request(b"GET", target))
            self.assertEqual((response.status, response.error["code"]), (status, code))

    @given(targets, values, values)
    def test_in_anything(self, target: bytes, request_id: bytes, forwarded: bytes) -> None:
        self.attack(
            self.request(
                b"GET",
                b"/" + target,
                b"x-request-id: " + request_id,
                b"x-forwarded-for: " + forwarded,
            )
        )
