from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.trial.unittest import SynchronousTestCase

from piecesd.http.rate_limits import duration
from piecesd.ratelimits.counts import LocalCounts
from piecesd.ratelimits.limiter import RateLimiter
from piecesd.ratelimits.places import MemoryPlaces
from piecesd.ratelimits.policy import LimitSettings, RateLimit
from tests.http.scripted_completions import ANSWER
from tests.http.wire import Response, WireTestCase, chat_bytes, request_bytes
from tests.ratelimits.support import memory_tally

RATE = RateLimit(name="requests", amount=3, window_seconds=60)
TOKENS = RateLimit(name="tokens", amount=10, window_seconds=60)


class DurationTests(SynchronousTestCase):
    def test_it_is_written_as_clients_know_it(self) -> None:
        for seconds, text in (
            (0, "0s"),
            (0.0201, "21ms"),
            (1, "1s"),
            (1.2, "2s"),
            (59.5, "1m0s"),
            (360, "6m0s"),
            (7261, "2h1m1s"),
        ):
            self.assertEqual(duration(seconds), text)


class LimitedTestCase(WireTestCase):
    def limit(self, *, cors_origins: tuple[str, ...] = (), **limits: object) -> None:
        settings = LimitSettings(**limits)  # type: ignore[arg-type]
        places = MemoryPlaces(settings.client_requests) if settings.client_requests else None
        counts = LocalCounts(memory_tally(self.clock), None)
        self.limiter = RateLimiter(settings, counts, places, lambda limit: None)
        self.serve(cors_origins=cors_origins)
        self.completions.script = [ANSWER]

    def exchange_from(self, peer: IAddress, request: bytes) -> Response:
        connection = self.connect(peer)
        connection.send(request)
        return connection.response()


class RequestTests(LimitedTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock.advance(40)  # to the begin of a minute
        self.limit(requests=(RATE,))

    def test_every_answer_of_the_api_tells_how_its_client_stands(self) -> None:
        for path, remaining in (("/v1/models", "2"), ("/v1/models/none", "1")):
            headers = self.get(path).headers
            self.assertEqual(headers["x-ratelimit-limit-requests"], "3")
            self.assertEqual(headers["x-ratelimit-remaining-requests"], remaining)
            self.assertEqual(headers["x-ratelimit-reset-requests"], "2m0s")
            self.assertNotIn("x-ratelimit-limit-tokens", headers)
        self.assertNotIn("x-ratelimit-limit-requests", self.get("/ping").headers)

    def test_a_streamed_one_tells_it_too(self) -> None:
        self.completions.script = []
        connection = self.connect()
        connection.send(chat_bytes(stream=True))
        self.completions.begun[0].give_text("a")
        self.assertIn(b"x-ratelimit-remaining-requests: 2\r\n", connection.received.lower())

    def test_past_the_limit_it_is_429_with_the_time_to_wait(self) -> None:
        for _ in range(3):
            self.assertEqual(self.exchange(chat_bytes()).status, 200)
        for request in (chat_bytes(), request_bytes("GET", "/v1/models")):
            refused = self.exchange(request)
            self.assertEqual((refused.status, refused.headers["retry-after"]), (429, "61"))
            self.assertEqual(refused.headers["x-ratelimit-remaining-requests"], "0")
            self.assertEqual(
                (refused.error["code"], refused.error["type"]), ("rate_limit_exceeded", "requests")
            )
        self.assertEqual(len(self.completions.begun), 3)
        self.assertEqual(self.api.running.count, 0)
        self.clock.advance(61)
        self.assertEqual(self.exchange(chat_bytes()).status, 200)

    def test_each_client_has_its_own_limit(self) -> None:
        request = request_bytes("GET", "/v1/models")
        one = IPv6Address("TCP", "2001:db8::1", 1)
        neighbour = IPv6Address("TCP", "2001:db8::2", 1)
        other = IPv4Address("TCP", "198.51.100.1", 1)
        for peer, status in ((one, 200), (neighbour, 200), (one, 200), (neighbour, 429)):
            self.assertEqual(self.exchange_from(peer, request).status, status)
        self.assertEqual(self.exchange_from(other, request).status, 200)

    def test_where_keys_are_asked_for_each_key_has_its_own(self) -> None:
        self.serve(api_keys=("k1", "k2"))
        for number, (key, status) in enumerate(
            [("k1", 200), ("k1", 200), ("k1", 200), ("k1", 429), ("k2", 200), ("wrong", 401)]
        ):
            request = request_bytes("GET", "/v1/models", headers=[f"authorization: Bearer {key}"])
            peer = IPv4Address("TCP", f"198.51.100.{number}", 1)
            self.assertEqual(self.exchange_from(peer, request).status, status)

    def test_pages_in_browsers_may_read_the_headers(self) -> None:
        self.limit(requests=(RATE,), cors_origins=("*",))
        exposed = self.get("/v1/models").headers["access-control-expose-headers"]
        self.assertIn("retry-after, x-ratelimit-limit-requests", exposed)


class TokenTests(LimitedTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.limit(tokens=TOKENS)

    def stream(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes(stream=True))
        completion = self.completions.begun[-1]
        completion.give_text("a")
        completion.give_end()
        self.assertIn(b"[DONE]", connection.received)

    def test_a_client_that_has_spent_them_waits(self) -> None:
        self.completions.script = []
        self.stream()  # 7 tokens, by the script
        self.stream()
        refused = self.exchange(chat_bytes())
        self.assertEqual((refused.status, refused.error["type"]), (429, "tokens"))
        self.assertEqual(
            [refused.headers[f"x-ratelimit-{each}-tokens"] for each in ("limit", "remaining")],
            ["10", "0"],
        )
        self.assertEqual(refused.headers["x-ratelimit-reset-tokens"], "1m0s")
        self.assertEqual(self.get("/v1/models").status, 200)
        self.clock.advance(61)
        self.completions.script = [ANSWER]
        self.assertEqual(self.exchange(chat_bytes()).status, 200)

    def test_leaving_early_is_not_free(self) -> None:
        self.completions.script = []
        connection = self.connect()
        connection.send(chat_bytes(stream=True))
        for _ in range(10):
            self.completions.begun[0].give_text("a")
        connection.leave()
        self.assertEqual(self.exchange(chat_bytes()).status, 429)


class PlaceTests(LimitedTestCase):
    def test_a_client_has_so_many_requests_at_a_time(self) -> None:
        self.limit(client_requests=1)
        self.completions.script = []
        connection = self.connect()
        connection.send(chat_bytes())
        refused = self.exchange(chat_bytes())
        self.assertEqual((refused.status, refused.headers["retry-after"]), (429, "1"))
        self.assertEqual(self.api.running.count, 1)
        other = IPv4Address("TCP", "198.51.100.1", 1)
        models = request_bytes("GET", "/v1/models")
        self.assertEqual(self.exchange_from(other, models).status, 200)
        self.completions.begun[0].give(ANSWER)
        self.assertEqual(self.get("/v1/models").status, 200)
