"""Ollama's API over the wire."""

import json
from typing import Any

from piecesd.chat import Answer, Choice
from piecesd.errors import UpstreamBroken, UpstreamUnavailable
from tests.http.scripted_completions import ANSWER, USAGE
from tests.http.wire import Response, WireTestCase, request_bytes

HELLO = [{"role": "user", "content": "Hi"}]


def post_bytes(path: str, *headers: str, **fields: Any) -> bytes:
    body = json.dumps({"model": "gpt-4o"} | fields).encode()
    return request_bytes("POST", path, body, headers)


class OllamaCase(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serve(enable_ollama_api=True)

    def post(self, path: str, *headers: str, **fields: Any) -> Response:
        return self.exchange(post_bytes(path, *headers, **fields))


class ChatTests(OllamaCase):
    def test_an_answer_is_streamed_line_by_line_and_timed(self) -> None:
        connection = self.connect()
        connection.send(post_bytes("/api/chat", messages=HELLO))
        (completion,) = self.completions.begun
        self.clock.advance(0.5)
        completion.give_text("Hel")
        completion.give_text("lo")
        self.clock.advance(1.5)
        completion.give_end()
        response = connection.response()
        self.assertEqual(response.headers["content-type"], "application/x-ndjson")
        *pieces, last = map(json.loads, response.body.splitlines())
        self.assertEqual([piece["message"]["content"] for piece in pieces], ["Hel", "lo"])
        self.assertEqual(
            (last["total_duration"], last["prompt_eval_duration"], last["eval_duration"]),
            (2_000_000_000, 500_000_000, 1_500_000_000),
        )
        self.assertEqual((last["prompt_eval_count"], last["eval_count"]), (5, 2))

    def test_a_whole_answer_is_one_object(self) -> None:
        self.completions.script = [ANSWER]
        response = self.post("/api/chat", messages=HELLO, stream=False)
        self.assertEqual(response.headers["content-type"], "application/json")
        self.assertEqual(response.json()["message"], {"role": "assistant", "content": "Hello"})

    def test_a_silent_stream_gets_lines_without_text(self) -> None:
        connection = self.connect()
        connection.send(post_bytes("/api/chat", messages=HELLO))
        self.clock.advance(15)
        self.completions.begun[0].give_text("Hi")
        self.completions.begun[0].give_end()
        lines = [json.loads(line) for line in connection.response().body.splitlines()]
        self.assertEqual([line["message"]["content"] for line in lines], ["", "Hi", ""])
        self.assertEqual([line["done"] for line in lines], [False, False, True])

    def test_a_failure_before_the_first_line_has_its_status(self) -> None:
        self.completions.script = [UpstreamUnavailable(detail="nobody there")]
        response = self.post("/api/chat", messages=HELLO)
        self.assertEqual((response.status, list(response.json())), (502, ["error"]))
        self.assertIn("nobody there", response.error)

    def test_a_failure_after_it_is_the_last_line(self) -> None:
        connection = self.connect()
        connection.send(post_bytes("/api/chat", messages=HELLO))
        (completion,) = self.completions.begun
        completion.give_text("Hi")
        completion.give(UpstreamBroken(detail="cut"))
        *_, last = connection.response().body.splitlines()
        self.assertEqual(list(json.loads(last)), ["error"])

    def test_an_answer_without_its_format_is_an_error(self) -> None:
        refused = Choice(text="", reason="stop", refusal="no JSON")
        self.completions.script = [Answer(choices=(refused,), usage=USAGE)]
        response = self.post("/api/chat", messages=HELLO, format="json", stream=False)
        self.assertEqual(response.status, 502)
        self.assertIn("format", response.error)

    def test_a_model_can_be_asked_for_without_words(self) -> None:
        response = self.post("/api/chat", messages=[])
        self.assertEqual((response.status, response.json()["done_reason"]), (200, "load"))
        self.assertEqual(self.completions.begun, [])
        unknown = self.post("/api/generate", model="nope")
        self.assertEqual(unknown.status, 404)
        self.assertIn("nope", unknown.error)

    def test_generate_is_answered_with_a_response(self) -> None:
        self.completions.script = [ANSWER]
        response = self.post("/api/generate", prompt="Hi", stream=False)
        self.assertEqual(response.json()["response"], "Hello")

    def test_what_curl_says_of_json_is_let_through_unless_a_web_page_says_it(self) -> None:
        self.completions.script = [ANSWER]
        form = "content-type: application/x-www-form-urlencoded"
        for headers, status in (
            ([form], 200),
            (["content-type: application/json"], 200),
            ([form, "origin: https://page.example"], 415),
            (["content-type: text/plain"], 415),
        ):
            response = self.post("/api/chat", *headers, messages=HELLO, stream=False)
            self.assertEqual(response.status, status, headers)


class ModelTests(OllamaCase):
    def test_the_models_that_are_served_are_listed(self) -> None:
        listed = self.get("/api/tags").json()["models"]
        self.assertEqual([each["name"] for each in listed], ["gpt-4o", "claude-3-opus@20240229"])

    def test_a_model_is_shown_by_any_of_its_names(self) -> None:
        shown = self.post("/api/show", model="claude-3-opus-20240229")
        self.assertEqual(shown.json()["model_info"]["owner.context_length"], 300)
        self.assertEqual(self.post("/api/show", model="gpt-4o:latest").status, 200)
        self.assertEqual(self.post("/api/show", model="nope").status, 404)

    def test_none_is_running_and_the_version_is_told(self) -> None:
        self.assertEqual(self.get("/api/ps").json(), {"models": []})
        self.assertEqual(list(self.get("/api/version").json()), ["version"])


class AccessTests(OllamaCase):
    def test_without_the_setting_there_is_none_of_it(self) -> None:
        self.serve()
        for path in ("/api/tags", "/api/version"):
            self.assertEqual(self.get(path).status, 404)
        self.assertEqual(self.post("/api/chat", messages=HELLO).status, 404)

    def test_a_key_is_asked_for_in_ollama_s_words(self) -> None:
        self.serve(enable_ollama_api=True, api_keys=("key",))
        for response in (
            self.get("/api/tags"),
            self.get("/api/version"),
            self.post("/api/show"),
            self.post("/api/chat", messages=HELLO),
        ):
            self.assertEqual(response.status, 401)
            self.assertIsInstance(response.error, str)
        self.assertEqual(self.get("/api/tags", "authorization: Bearer key").status, 200)

    def test_what_there_is_not_is_refused_in_ollama_s_words(self) -> None:
        for response in (self.post("/api/pull"), self.post("/api/embed"), self.get("/api/x")):
            self.assertEqual(response.status, 404)
            self.assertIn("/api/", response.error)

    def test_another_method_is_not_another_path(self) -> None:
        for path, method, allow in (
            ("/api/chat", "GET", "POST"),
            ("/api/show", "TRACE", "POST"),
            ("/api/tags", "POST", "GET, HEAD"),
        ):
            response = self.exchange(request_bytes(method, path, b"" if method == "POST" else None))
            self.assertEqual((response.status, response.headers["allow"]), (405, allow))
            self.assertIn("not allowed", response.json()["error"])

    def test_a_prefix_beside_it_keeps_its_paths(self) -> None:
        self.serve(enable_ollama_api=True, api_prefix="/api/")
        self.assertEqual(self.get("/api/models").status, 200)
        self.assertEqual(self.get("/api/models/gpt-4o").json()["id"], "gpt-4o")
        self.assertEqual(self.get("/api/tags").status, 200)
