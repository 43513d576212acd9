from piecesd.http.metrics import MetricsEndpoint
from tests.http.wire import WireTestCase

PATH = "/v1/openapi.json"


class OpenApiTests(WireTestCase):
    def operations(self, path: str = PATH) -> set[str]:
        return {
            f"{method.upper()} {path}"
            for path, methods in self.get(path).json()["paths"].items()
            for method in methods
        }

    def test_everybody_may_read_it(self) -> None:
        self.serve(api_keys=("secret",))
        response = self.get(PATH)
        self.assertEqual(
            (response.status, response.headers["content-type"]), (200, "application/json")
        )
        self.assertIn("bearer", response.json()["components"]["securitySchemes"])

    def test_it_has_what_is_served(self) -> None:
        self.assertEqual(
            self.operations(),
            {
                "GET /",
                "GET /ping",
                "GET /readyz",
                "POST /v1/chat/completions",
                "POST /v1/completions",
                "POST /v1/responses",
                "GET /v1/responses/{wanted_id}",
                "DELETE /v1/responses/{wanted_id}",
                "GET /v1/responses/{wanted_id}/input_items",
                "POST /v1/messages",
                "POST /v1/messages/count_tokens",
                "POST /v1/token_count",
                "GET /v1/models",
                "GET /v1/models/{name}",
                "GET /v1/openapi.json",
                "POST /anthropic/v1/messages",
                "POST /anthropic/v1/messages/count_tokens",
                "GET /anthropic/v1/models",
                "GET /anthropic/v1/models/{name}",
            },
        )

    def test_it_has_what_is_served_by_these_settings(self) -> None:
        self.metrics = MetricsEndpoint(lambda: b"", "token")
        self.serve(
            api_prefix="/api/", enable_model_route=True, admin_key="admin", enable_ollama_api=True
        )
        served = self.operations("/api/openapi.json")
        self.assertLessEqual(
            {
                "GET /metrics",
                "POST /api/generate",
                "GET /api/tags",
                "POST /api/chat/completions",
                "POST /{path_model}/api/chat/completions",
                "GET /{path_model}/api/models",
                "GET /admin/bans",
                "POST /admin/bans",
                "DELETE /admin/bans",
                "DELETE /admin/bans/{address}",
            },
            served,
        )
        schemes = self.get("/api/openapi.json").json()["components"]["securitySchemes"]
        self.assertEqual(set(schemes), {"admin", "metrics"})

    def test_those_who_have_it_are_told_so(self) -> None:
        first = self.get(PATH)
        etag = first.headers["etag"]
        again = self.get(PATH, f'if-none-match: "other", {etag}')
        self.assertEqual((again.status, again.body, again.headers["etag"]), (304, b"", etag))
        self.assertEqual(self.get(PATH, 'if-none-match: "other"').status, 200)
        self.serve(enable_model_route=True)
        self.assertNotEqual(self.get(PATH).headers["etag"], etag)
