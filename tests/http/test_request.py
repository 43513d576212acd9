from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure

from piecesd.access.bans import BanList
from piecesd.access.client import TrustedProxies
from piecesd.access.gate import Gate
from piecesd.access.networks import Networks, parse_network
from piecesd.access.violations import BanRules, Violations
from piecesd.errors import UpstreamBroken
from tests.http.wire import CLIENT, WireTestCase, chat_bytes, request_bytes


class FailTests(WireTestCase):
    def test_a_failure_amid_a_response_drops_the_connection_rather_than_pass_for_its_end(
        self,
    ) -> None:
        connection = self.connect()
        connection.send(chat_bytes(stream=True))
        self.completions.begun[0].give_text("a")
        sent = connection.received
        (request,) = connection.channel.requests
        request.fail(Failure(UpstreamBroken(detail="cut")))
        self.assertEqual((connection.received, connection.open), (sent, False))
        (line,) = self.access_lines()
        self.assertEqual(line["outcome"], "broken")

    def test_the_client_being_gone_ends_it_quietly(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes())
        (request,) = connection.channel.requests
        connection.leave()
        request.send(200, (), b"to nobody")
        request.finish()
        request.abort()
        self.assertEqual(connection.received, b"")
        self.assertEqual(len(self.access_lines()), 1)


class ClientTests(WireTestCase):
    def gate(self, *, secret: str | None = None, **lists: Networks) -> None:
        seconds = self.clock.seconds
        self.api.gate = Gate(
            seconds,
            proxies=TrustedProxies([parse_network("10.0.0.0/8")], unix=True, secret=secret),
            bans=BanList(seconds, Networks()),
            violations=Violations(BanRules(mode="single", threshold=2), seconds),
            allow=Networks(),
            deny=lists.get("deny", Networks()),
            banned=lambda ban: None,
        )

    def client_of(self, peer: IAddress, *headers: str) -> object:
        self.events.clear()
        connection = self.connect(peer)
        connection.send(request_bytes("GET", "/nothing", headers=headers))
        connection.leave()
        (line,) = self.access_lines()
        return line["client"]

    def test_a_stranger_is_who_it_connects_as(self) -> None:
        self.gate()
        told = "x-forwarded-for: 203.0.113.9"
        self.assertEqual(self.client_of(CLIENT, told), "192.0.2.7")
        self.assertEqual(self.client_of(IPv6Address("TCP", "::ffff:192.0.2.7", 1)), "192.0.2.7")
        self.assertEqual(self.client_of(UNIXAddress(None)), "-")

    def test_a_trusted_proxy_says_who_it_is(self) -> None:
        self.gate()
        for peer in (IPv4Address("TCP", "10.0.0.1", 1), UNIXAddress("/run/x")):
            client = self.client_of(
                peer, "x-forwarded-for: 6.6.6.6", "x-forwarded-for: 203.0.113.9, 10.0.0.2"
            )
            self.assertEqual(client, "203.0.113.9")

    def test_a_trusted_proxy_has_to_show_the_secret(self) -> None:
        self.gate(secret="s3cret")
        told, peer = "x-forwarded-for: 203.0.113.9", IPv4Address("TCP", "10.0.0.1", 1)
        self.assertEqual(self.client_of(peer, told, "x-proxy-secret: s3cret"), "203.0.113.9")
        self.assertEqual(self.client_of(peer, told, "x-proxy-secret: other"), "10.0.0.1")
        self.assertEqual(self.client_of(peer, told), "10.0.0.1")

    def test_an_address_that_is_denied_is_refused_everywhere_and_its_body_not_read(self) -> None:
        self.gate(deny=Networks([parse_network("192.0.2.7")]))
        for request in (
            request_bytes("GET", "/ping"),
            request_bytes("GET", "/"),
            request_bytes("OPTIONS", "/v1/models"),
            chat_bytes(),
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-length: 999999\r\n\r\n{",
            b"nonsense\r\n\r\n",
        ):
            connection = self.connect()
            connection.send(request)
            response = connection.response()
            self.assertEqual(
                (response.status, response.error["code"], response.headers["connection"]),
                (403, "address_refused", "close"),
            )

    def test_a_wrong_key_too_often_bans_and_one_line_a_request_is_logged(self) -> None:
        self.serve(api_keys=("k",))
        self.gate()
        statuses = [self.get("/v1/models", "authorization: Bearer x").status for _ in range(3)]
        self.assertEqual(statuses, [401, 401, 403])
        self.assertEqual([line["status"] for line in self.access_lines()], statuses)
        self.assertEqual(self.get("/v1/models", "authorization: Bearer k").status, 403)

    def test_no_key_at_all_is_no_violation(self) -> None:
        self.serve(api_keys=("k",))
        self.gate()
        self.assertEqual({self.get("/v1/models").status for _ in range(9)}, {401})

    def test_malformed_http_is_a_violation(self) -> None:
        self.gate()
        self.assertEqual(self.exchange(b"nonsense\r\n\r\n").status, 400)
        self.assertEqual(self.exchange(b"GET / HTTP/1.1\r\nno colon\r\n\r\n").status, 400)
        self.assertEqual(self.get("/ping").error["code"], "address_banned")
