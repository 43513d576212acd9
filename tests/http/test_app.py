import json

from piecesd.errors import ShuttingDown, UpstreamUnavailable
from tests.http.scripted_completions import ANSWER
from tests.http.wire import (
    Response,
    WireTestCase,
    chat_body,
    chat_bytes,
    read_responses,
    request_bytes,
)


class ReadinessTests(WireTestCase):
    def test_it_is_ready_while_every_service_can_be_called(self) -> None:
        response = self.get("/readyz")
        self.assertEqual(
            (response.status, response.json()),
            (200, {"ready": True, "draining": False, "services": {"gpt": "ok", "vertex": "ok"}}),
        )

    def test_it_is_not_while_one_can_not(self) -> None:
        self.services["vertex"] = False
        response = self.get("/readyz")
        self.assertEqual((response.status, response.json()["services"]["vertex"]), (503, "down"))

    def test_it_is_not_while_it_drains(self) -> None:
        connection = self.connect()
        connection.send(request_bytes("GET", "/v1/models"))  # not idle any more at the drain
        self.site.draining = True
        connection.send(request_bytes("GET", "/readyz"))
        self.assertIn(b"503 Service Unavailable", connection.received)


class StatusTests(WireTestCase):
    def test_ping_is_answered_with_pong(self) -> None:
        response = self.get("/ping")
        self.assertEqual((response.status, response.body), (200, b"pong"))
        self.assertEqual(response.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(response.headers["server"], "piecesd/9.9")

    def test_the_root_tells_how_the_daemon_is(self) -> None:
        self.get("/v1/models")
        self.clock.advance(30)
        self.get("/ping")
        self.connect().send(chat_bytes())
        response = self.get("/")
        self.assertEqual(response.headers["content-type"], "application/json")
        self.assertEqual(
            response.json(),
            {
                "status": "ok",
                "version": "9.9",
                "uptime_seconds": 30.0,
                "pools": {"services": {"gpt": [{"channels": 5}]}},
                "requests": {
                    "all": {"last_second": 3, "last_minute": 4, "total": 4},
                    "api": {"last_second": 1, "last_minute": 2, "total": 2, "in_flight": 1},
                },
                "last_minute": {
                    "failed": 0,
                    "output_tokens_per_second": 0.0,
                    "first_token_p50_seconds": None,
                    "first_token_p95_seconds": None,
                },
                "history": {
                    "step_seconds": 5,
                    "end_unix": 1_700_000_030,
                    "requests": [1, 0, 0, 0, 0, 0],
                    "failed": [0, 0, 0, 0, 0, 0],
                    "output_tokens": [0, 0, 0, 0, 0, 0],
                    "in_flight": [1, 0, 0, 0, 0, 0],
                    "channels": [5, 5, 5, 5, 5, 5],
                    "first_token_p50_seconds": [None] * 6,
                    "first_token_p95_seconds": [None] * 6,
                },
            },
        )

    def test_head_is_answered_as_get_without_the_body(self) -> None:
        for path in ("/", "/ping", "/v1/models", "/v1/models/gpt-4o"):
            connection = self.connect()
            connection.send(request_bytes("HEAD", path))
            (head,) = read_responses(connection.received, of_head=True)
            self.assertEqual(head.status, 200)
            self.assertTrue(connection.received.endswith(b"\r\n\r\n"))
            self.assertGreater(int(head.headers["content-length"]), 3)

    def test_every_response_has_the_request_id(self) -> None:
        self.serve(cors_origins=("*",), max_body_bytes=10)
        for request, status in (
            (request_bytes("GET", "/ping"), 200),
            (request_bytes("GET", "/nothing"), 404),
            (request_bytes("PUT", "/ping"), 405),
            (chat_bytes(), 413),
            (
                request_bytes(
                    "OPTIONS", "/", headers=["origin: o", "access-control-request-method: GET"]
                ),
                204,
            ),
        ):
            own = self.exchange(request.replace(b"\r\n", b"\r\nx-request-id: mine\r\n", 1))
            self.assertEqual((own.status, own.headers["x-request-id"]), (status, "mine"))
            given = self.exchange(request)
            self.assertRegex(given.headers["x-request-id"], r"\Areq_[0-9a-f]{24}\Z")


class ModelTests(WireTestCase):
    def test_the_models_that_are_served_are_listed(self) -> None:
        listed = self.get("/v1/models").json()
        self.assertEqual(listed["object"], "list")
        self.assertEqual(
            [(model["id"], model["object"], model["owned_by"]) for model in listed["data"]],
            [("gpt-4o", "model", "owner"), ("claude-3-opus@20240229", "model", "owner")],
        )
        self.assertEqual(listed["data"][0]["created"], 1715644800)

    def test_a_model_is_found_by_each_spelling_of_its_name_and_shown_under_it(self) -> None:
        for path, name in (
            ("gpt-4o", "gpt-4o"),
            ("claude-3-opus@20240229", "claude-3-opus@20240229"),
            ("claude-3-opus%4020240229", "claude-3-opus@20240229"),
            ("claude-3-opus-20240229", "claude-3-opus-20240229"),
        ):
            response = self.get(f"/v1/models/{path}")
            self.assertEqual((response.status, response.json()["id"]), (200, name))

    def test_an_unknown_model_is_a_404(self) -> None:
        for path in ("gpt-5", "some/where"):
            response = self.get(f"/v1/models/{path}")
            self.assertEqual((response.status, response.error["code"]), (404, "model_not_found"))
            self.assertIn(path, response.error["message"])


class RouteTests(WireTestCase):
    def test_the_prefix_is_as_it_is_set(self) -> None:
        for prefix in ("/", "/v1/", "/api/openai/"):
            self.serve(api_prefix=prefix)
            self.completions.script = [ANSWER]
            self.assertEqual(self.get(f"{prefix}models").status, 200)
            self.assertEqual(self.get(f"{prefix}models/gpt-4o").json()["id"], "gpt-4o")
            chat = self.exchange(chat_bytes(path=f"{prefix}chat/completions"))
            self.assertEqual(chat.status, 200)
            self.assertEqual(self.get("/ping").body, b"pong")
            self.assertEqual(self.get("/").json()["status"], "ok")

    def test_a_path_of_another_form_is_unknown_and_never_redirected(self) -> None:
        for path in ("/v1/models/", "/v1", "/v1/", "/models", "/v1//models", "/v1/Models"):
            self.assertEqual(self.get(path).status, 404, path)

    def test_a_whole_url_is_taken_for_its_path(self) -> None:
        self.assertEqual(self.get("http://proxied.example/ping?x").body, b"pong")

    def test_models_have_no_routes_unless_they_are_set(self) -> None:
        self.assertEqual(self.get("/gpt-4o/v1/models").status, 404)

    def test_a_model_in_the_path_holds_where_the_body_names_none_or_an_unknown_one(self) -> None:
        for prefix in ("/v1/", "/"):
            self.serve(enable_model_route=True, api_prefix=prefix)
            self.completions.script = [ANSWER]
            for path_model, body_model, model in (
                ("gpt-4o", None, "gpt-4o"),
                ("gpt-4o", "", "gpt-4o"),
                ("gpt-4o", "unknown", "gpt-4o"),
                ("gpt-4o", "claude-3-opus@20240229", "claude-3-opus@20240229"),
                ("claude-3-opus%4020240229", "unknown", "claude-3-opus@20240229"),
            ):
                response = self.exchange(
                    chat_bytes(path=f"/{path_model}{prefix}chat/completions", model=body_model)
                )
                self.assertEqual((response.status, response.json()["model"]), (200, model))
            self.assertEqual(len(self.get(f"/gpt-4o{prefix}models").json()["data"]), 2)

    def test_an_unknown_model_in_the_path_is_a_404_that_names_it(self) -> None:
        self.serve(enable_model_route=True)
        response = self.exchange(chat_bytes(path="/nope/v1/chat/completions", model="unknown"))
        self.assertEqual(response.status, 404)
        self.assertIn("nope", response.error["message"])


class KeyTests(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serve(api_keys=("k1", "k2"))
        self.completions.script = [ANSWER]

    def test_the_api_asks_for_a_key(self) -> None:
        for method, path in (
            ("GET", "/v1/models"),
            ("GET", "/v1/models/gpt-4o"),
            ("POST", "/v1/chat/completions"),
        ):
            body = chat_body() if method == "POST" else None
            for headers, status in (
                ((), 401),
                (("authorization: Bearer no",), 401),
                (("authorization: Bearer k1",), 200),
                (("authorization: bearer   k2 ",), 200),
                (("authorization: Basic k1",), 401),
                (("authorization: k1",), 401),
                (("x-api-key: k1",), 200),
                (("x-api-key: no",), 401),
            ):
                response = self.exchange(request_bytes(method, path, body, headers))
                self.assertEqual(response.status, status)
                self.assertEqual(
                    response.headers.get("www-authenticate"), "Bearer" if status == 401 else None
                )

    def test_the_status_does_not(self) -> None:
        for path in ("/", "/ping"):
            self.assertEqual(self.get(path).status, 200)

    def test_the_key_is_asked_for_after_the_route_and_before_all_else(self) -> None:
        self.assertEqual(self.get("/v1/nothing").status, 404)
        self.assertEqual(self.exchange(request_bytes("GET", "/v1/chat/completions")).status, 405)
        bad = request_bytes("POST", "/v1/chat/completions", b"not json", ["content-type: x/y"])
        self.assertEqual(self.exchange(bad).status, 401)


class CorsTests(WireTestCase):
    preflight = request_bytes(
        "OPTIONS",
        "/v1/chat/completions",
        headers=[
            "origin: https://page.example",
            "access-control-request-method: POST",
            "access-control-request-headers: authorization,x-stainless-os",
        ],
    )

    def test_a_preflight_needs_no_key_and_no_route(self) -> None:
        self.serve(cors_origins=("*",), api_keys=("k",))
        for preflight in (self.preflight, self.preflight.replace(b"/v1/", b"/other/")):
            response = self.exchange(preflight)
            self.assertEqual((response.status, response.body), (204, b""))
            self.assertEqual(response.headers["access-control-allow-origin"], "*")
            self.assertEqual(
                response.headers["access-control-allow-headers"], "authorization,x-stainless-os"
            )
            self.assertNotIn("content-length", response.headers)

    def test_every_response_can_be_read_by_an_allowed_page(self) -> None:
        self.serve(cors_origins=("https://page.example",))
        for path in ("/v1/models", "/nothing"):
            response = self.get(path, "origin: https://page.example")
            self.assertEqual(
                response.headers["access-control-allow-origin"], "https://page.example"
            )
            self.assertIn("x-request-id", response.headers["access-control-expose-headers"])
            other = self.get(path, "origin: https://other.example")
            self.assertNotIn("access-control-allow-origin", other.headers)

    def test_without_origins_a_preflight_is_a_wrong_method(self) -> None:
        response = self.exchange(self.preflight)
        self.assertEqual((response.status, response.headers["allow"]), (405, "POST"))
        self.assertNotIn("access-control-allow-origin", response.headers)


class ChatTests(WireTestCase):
    def test_an_answer_is_sent_whole_in_one_write(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes(model="claude-3-opus-20240229"))
        (completion,) = self.completions.begun
        self.assertEqual(connection.received, b"")
        completion.give(ANSWER)
        self.assertEqual(len(connection.writes), 1)
        answer = connection.response().json()
        self.assertRegex(answer.pop("id"), r"\Achatcmpl-[0-9a-f]{28}\Z")
        self.assertEqual(
            answer,
            {
                "object": "chat.completion",
                "created": 1_700_000_000,
                "model": "claude-3-opus-20240229",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "Hello", "refusal": None},
                        "logprobs": None,
                        "finish_reason": "stop",
                    }
                ],
                "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
            },
        )
        self.assertTrue(completion.cancelled, "what it held is freed")

    def test_a_failure_is_an_http_error(self) -> None:
        self.completions.script = [UpstreamUnavailable(detail="nobody there")]
        self.assertEqual(self.exchange(chat_bytes()).status, 502)
        self.assertEqual(self.api.running.count, 0)

    def test_a_client_that_leaves_cancels_the_completion(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes())
        (completion,) = self.completions.begun
        self.assertFalse(completion.cancelled)
        connection.leave()
        self.assertTrue(completion.cancelled)
        self.assertEqual(self.api.running.count, 0)

    def test_json_is_expected_and_nothing_else_may_be_said_of_it(self) -> None:
        self.completions.script = [ANSWER]
        for content_type, status in (
            (None, 200),
            ("application/json", 200),
            ("Application/JSON; charset=utf-8", 200),
            ("text/plain", 415),
            ("multipart/form-data; boundary=x", 415),
            ("application/x-www-form-urlencoded", 415),
            ("application/jsonx", 415),
        ):
            headers = [] if content_type is None else [f"content-type: {content_type}"]
            response = self.exchange(
                request_bytes("POST", "/v1/chat/completions", chat_body(), headers)
            )
            self.assertEqual(response.status, status, content_type)

    def test_a_body_that_is_no_chat_is_refused_by_name(self) -> None:
        for body, param in (
            (b"", None),
            (b"{", None),
            (json.dumps({"model": "gpt-4o", "messages": "no"}).encode(), "messages"),
            (chat_body(logprobs=True), "logprobs"),
        ):
            response = self._post(body)
            self.assertEqual((response.status, response.error["param"]), (400, param))
        self.assertEqual(self.completions.begun, [])

    def test_what_cannot_be_honoured_is_let_through_where_that_is_set(self) -> None:
        self.serve(ignore_unsupported_params=True)
        self.completions.script = [ANSWER]
        self.assertEqual(self._post(chat_body(logprobs=True)).status, 200)

    def test_an_unknown_model_is_a_404(self) -> None:
        response = self._post(chat_body(model="gpt-99"))
        self.assertEqual((response.status, response.error["code"]), (404, "model_not_found"))
        self.assertEqual(self.api.running.count, 0)

    def test_one_request_too_many_is_refused_at_once_and_status_is_still_to_be_had(self) -> None:
        self.serve(max_concurrent_requests=1)
        first = self.connect()
        first.send(chat_bytes(stream=True))
        second = self._post(chat_body())
        self.assertEqual((second.status, second.error["code"]), (503, "overloaded"))
        self.assertEqual(second.headers["retry-after"], "1")
        self.assertEqual(self.get("/ping").status, 200)
        self.assertEqual(self.get("/").json()["requests"]["api"]["in_flight"], 1)
        self.completions.begun[0].give_text("a")
        self.completions.begun[0].give_end()
        self.completions.script = [ANSWER]
        self.assertEqual(self._post(chat_body()).status, 200)

    def test_an_answer_that_is_cut_is_a_503(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes())
        self.api.running.cut_all()
        response = connection.response()
        self.assertEqual((response.status, response.error["code"]), (503, ShuttingDown.code))

    def _post(self, body: bytes) -> Response:
        return self.exchange(request_bytes("POST", "/v1/chat/completions", body))
