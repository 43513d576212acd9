"""Which requests are counted as what."""

from twisted.trial.unittest import SynchronousTestCase

from piecesd.errors import UpstreamBroken
from piecesd.http.routes import shown
from piecesd.stats import FinishedRequest
from tests.http.scripted_completions import ANSWER, USAGE
from tests.http.wire import WireTestCase, chat_bytes, request_bytes


class CountingTests(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.finished: list[FinishedRequest] = []

    def serve(self, **settings: object) -> None:
        super().serve(**settings)
        self.site.count_finished = lambda request: self.finished.append(request)

    def routes(self) -> list[str]:
        return [request.route for request in self.finished]

    def test_the_route_is_a_pattern_whatever_was_asked_for(self) -> None:
        self.serve(enable_model_route=True)
        for path in ("/ping", "/v1/models/a", "/v1/models/b/c", "/x/v1/models", "/nothing/here"):
            self.get(path)
        self.assertEqual(
            self.routes(),
            ["/ping", *["/v1/models/{name}"] * 2, "/{path_model}/v1/models", ""],
        )

    def test_what_is_no_request_has_no_route(self) -> None:
        self.connect().send(b"\x16\x03\x01 tls?\r\n\r\n")
        (request,) = self.finished
        self.assertEqual((request.route, request.status), ("", 400))

    def test_an_answer_is_counted_once_with_its_figures(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes())
        (completion,) = self.completions.begun
        completion.figures.usage = USAGE
        completion.figures.retries = 1
        self.clock.advance(1.5)
        completion.give(ANSWER)
        (request,) = self.finished
        self.assertEqual(
            (request.route, request.status, request.outcome, request.seconds),
            ("/v1/chat/completions", 200, "ok", 1.5),
        )
        self.assertEqual((request.model_id, request.usage, request.retries), ("gpt-4o", USAGE, 1))

    def test_an_error_is_counted_by_its_code(self) -> None:
        self.exchange(chat_bytes(model="made-up"))
        (request,) = self.finished
        self.assertEqual((request.outcome, request.error_code), ("error", "model_not_found"))
        self.assertIsNone(request.model_id)

    def test_a_broken_stream_has_the_code_of_what_broke_it(self) -> None:
        self.connect().send(chat_bytes(stream=True))
        self.completions.begun[0].give_text("a")
        self.completions.begun[0].give(UpstreamBroken(detail="cut"))
        (request,) = self.finished
        self.assertEqual((request.outcome, request.error_code), ("broken", "upstream_broken"))

    def test_a_client_that_left_is_counted_once(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes())
        connection.leave()
        (request,) = self.finished
        self.assertEqual((request.outcome, request.status), ("cancelled", 499))

    def test_a_wrong_method_is_of_no_route(self) -> None:
        self.exchange(request_bytes("DELETE", "/ping"))
        self.assertEqual((self.routes(), self.finished[0].status), ([""], 405))


class ShownTests(SynchronousTestCase):
    def test_a_rule_is_shown_without_its_converters(self) -> None:
        self.assertEqual(shown("/<path:a>/v1/<b>"), "/{a}/v1/{b}")
        self.assertEqual(shown("/ping"), "/ping")
