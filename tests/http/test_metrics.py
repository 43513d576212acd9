from typing import Any, cast

from piecesd.access.gate import open_gate
from piecesd.http.metrics import MetricsApi, MetricsEndpoint
from piecesd.http.settings import HttpSettings
from piecesd.http.site import ApiSite
from tests.http.wire import VERSION, WireTestCase


class MetricsTests(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.asked = 0

    def serve_metrics(self, token: str | None) -> None:
        endpoint = MetricsEndpoint(self.render, token)
        api = MetricsApi(
            endpoint, HttpSettings(), gate=open_gate(self.clock.seconds), version=VERSION
        )
        self.site = ApiSite(api, cast(Any, self.clock))

    def render(self) -> bytes:
        self.asked += 1
        return b"a 1\n"

    def test_a_port_of_its_own_has_the_page_and_nothing_else(self) -> None:
        self.serve_metrics(None)
        response = self.get("/metrics")
        self.assertEqual((response.status, response.body), (200, b"a 1\n"))
        self.assertEqual(
            response.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8"
        )
        for path in ("/", "/metrics/", "/v1/models"):
            self.assertEqual(self.get(path).status, 404)

    def test_a_token_that_is_set_has_to_be_shown(self) -> None:
        self.serve_metrics("t0ken")
        self.assertEqual(self.get("/metrics").status, 401)
        wrong = self.get("/metrics", "authorization: Bearer other")
        self.assertEqual((wrong.status, wrong.headers["www-authenticate"]), (401, "Bearer"))
        self.assertEqual(self.asked, 0)
        self.assertEqual(self.get("/metrics", "authorization: Bearer t0ken").body, b"a 1\n")

    def test_the_apis_port_has_no_such_page_unless_it_is_given_one(self) -> None:
        self.assertEqual(self.get("/metrics").status, 404)
        self.metrics = MetricsEndpoint(self.render, None)
        self.serve()
        self.assertEqual(self.get("/metrics").body, b"a 1\n")
        self.assertEqual(self.get("/v1/models/gpt-4o").json()["id"], "gpt-4o")

    def test_given_one_it_has_that_beside_the_models(self) -> None:
        self.metrics = MetricsEndpoint(self.render, None)
        self.serve()
        self.assertEqual(self.get("/metrics").body, b"a 1\n")
        self.assertEqual(self.get("/v1/models/gpt-4o").json()["id"], "gpt-4o")

    def test_being_looked_at_is_for_debugging(self) -> None:
        self.serve_metrics(None)
        self.get("/metrics")
        (line,) = self.access_lines()
        self.assertEqual(line["log_level"].name, "debug")
