"""What Anthropic's clients get: their own shape of errors, models and counts."""

import json
from typing import Any

from piecesd.chat import Delta, Finished
from piecesd.errors import UpstreamBroken
from piecesd.http.anthropic_clients import is_anthropic
from tests.http.scripted_completions import ANSWER, USAGE
from tests.http.wire import Response, WireTestCase, chat_bytes, messages_bytes, request_bytes

VERSION = "anthropic-version: 2023-06-01"


def events(response: Response) -> list[tuple[str, Any]]:
    """The names and the data of the events of a stream."""
    found = []
    for event in response.body.decode().split("\n\n")[:-1]:
        name, data = event.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


class IsAnthropicTests(WireTestCase):
    def test_paths_and_a_header_tell(self) -> None:
        for path, version, expected in (
            (b"/v1/messages", None, True),
            (b"/v1/messages/count_tokens", None, True),
            (b"/gpt-4o/v1/messages", None, True),
            (b"/anthropic/v1/anything", None, True),
            (b"/v1/models", b"2023-06-01", True),
            (b"/v1/models", None, False),
            (b"/v1/chat/completions", None, False),
            (b"/anthropic", None, False),
        ):
            self.assertEqual(is_anthropic(path, version), expected, path)


class MessagesTests(WireTestCase):
    def test_it_is_served_under_the_prefix_and_under_anthropic(self) -> None:
        self.completions.script = [ANSWER]
        for path in ("/v1/messages", "/anthropic/v1/messages"):
            response = self.exchange(messages_bytes(path))
            self.assertEqual((response.status, response.json()["type"]), (200, "message"), path)

    def test_the_path_may_name_the_model(self) -> None:
        self.serve(enable_model_route=True)
        self.completions.script = [ANSWER]
        response = self.exchange(messages_bytes("/gpt-4o/v1/messages", model=""))
        self.assertEqual(response.json()["model"], "gpt-4o")

    def test_the_other_dialects_are_not_served_under_anthropic(self) -> None:
        response = self.exchange(chat_bytes(path="/anthropic/v1/chat/completions"))
        self.assertEqual((response.status, response.error["type"]), (404, "not_found_error"))

    def test_the_request_has_its_id_where_their_sdks_look_for_it(self) -> None:
        self.completions.script = [ANSWER]
        response = self.exchange(messages_bytes("/v1/messages", "x-request-id: mine"))
        self.assertEqual(response.headers["request-id"], "mine")
        self.assertNotIn("request-id", self.get("/v1/models").headers)

    def test_the_version_may_be_any_or_missing(self) -> None:
        self.completions.script = [ANSWER]
        for headers in ([], [VERSION], ["anthropic-version: 2099-01-01"], ["anthropic-beta: a,b"]):
            self.assertEqual(self.exchange(messages_bytes("/v1/messages", *headers)).status, 200)

    def test_a_stream_begins_with_the_count_of_the_input(self) -> None:
        self.completions.script = [[Delta(0, "Hi")], [Finished(0, "stop"), USAGE], []]
        got = events(self.exchange(messages_bytes(stream=True)))
        self.assertEqual(got[0][1]["message"]["usage"]["input_tokens"], USAGE.input_tokens)
        self.assertEqual(
            [name for name, _ in got],
            [
                "message_start",
                "ping",
                "content_block_start",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop",
            ],
        )

    def test_a_silent_stream_pings(self) -> None:
        connection = self.connect()
        connection.send(messages_bytes(stream=True))
        self.clock.advance(15)
        self.assertIn(b"event: message_start\n", connection.received)
        before = connection.received.count(b"event: ping\n")
        self.clock.advance(15)
        self.assertEqual(connection.received.count(b"event: ping\n"), before + 1)

    def test_a_stream_that_breaks_ends_with_an_error_event(self) -> None:
        self.completions.script = [[Delta(0, "Hi")], UpstreamBroken(detail="cut")]
        response = self.exchange(messages_bytes(stream=True))
        name, error = events(response)[-1]
        self.assertEqual((name, error["error"]["type"]), ("error", "api_error"))
        self.assertEqual(error["request_id"], response.headers["request-id"])


class ErrorTests(WireTestCase):
    def assert_error(self, response: Response, status: int, error_type: str) -> None:
        self.assertEqual(response.status, status, response.body)
        self.assertEqual(response.json()["type"], "error")
        self.assertEqual(response.error["type"], error_type)
        self.assertEqual(response.json()["request_id"], response.headers["request-id"])

    def test_what_is_wrong_with_a_body_is_told_in_their_shape(self) -> None:
        response = self.exchange(messages_bytes(max_tokens="many"))
        self.assert_error(response, 400, "invalid_request_error")
        self.assertIn("`max_tokens`", response.error["message"])

    def test_so_is_what_is_wrong_before_there_is_a_route(self) -> None:
        for path in ("/anthropic/v1/nothing", "/anthropic/v1/messages/"):
            self.assert_error(self.get(path), 404, "not_found_error")
        for path in ("/anthropic/v1/messages", "/v1/messages", "/v1/messages/count_tokens"):
            self.assert_error(self.get(path), 405, "invalid_request_error")
        self.assert_error(self.get("/v1/files", VERSION), 404, "not_found_error")

    def test_so_is_a_key_that_is_missing_or_wrong(self) -> None:
        self.serve(api_keys=("secret",))
        self.completions.script = [ANSWER]
        for path in ("/v1/messages", "/v1/messages/count_tokens", "/anthropic/v1/messages"):
            missing = self.exchange(messages_bytes(path))
            self.assert_error(missing, 401, "authentication_error")
            self.assertIn("x-api-key", missing.error["message"])
            wrong = self.exchange(messages_bytes(path, "x-api-key: guess"))
            self.assert_error(wrong, 401, "authentication_error")
            for header in ("x-api-key: secret", "authorization: Bearer secret"):
                self.assertEqual(self.exchange(messages_bytes(path, header)).status, 200)

    def test_so_is_a_body_that_is_too_large(self) -> None:
        self.serve(max_body_bytes=100)
        response = self.exchange(messages_bytes(system="a" * 200))
        self.assert_error(response, 413, "request_too_large")

    def test_so_is_a_daemon_that_has_no_place_left(self) -> None:
        self.serve(max_concurrent_requests=1)
        self.connect().send(messages_bytes())
        response = self.exchange(messages_bytes())
        self.assert_error(response, 503, "overloaded_error")
        self.assertIn("retry-after", response.headers)

    def test_others_keep_their_own_shape(self) -> None:
        self.assertEqual(self.get("/v1/nothing").error["code"], "unknown_url")
        response = self.exchange(
            request_bytes("POST", "/v1/chat/completions", b"{", ["anthropic-version: 1"])
        )
        self.assertEqual(response.error["code"], "invalid_json")


class ModelsTests(WireTestCase):
    def test_their_clients_get_pages_with_the_names_that_they_know(self) -> None:
        for path, headers in (("/v1/models", [VERSION]), ("/anthropic/v1/models", [])):
            first = self.get(f"{path}?limit=1", *headers).json()
            self.assertEqual([model["id"] for model in first["data"]], ["gpt-4o"])
            self.assertTrue(first["has_more"])
            rest = self.get(f"{path}?limit=1&after_id={first['last_id']}", *headers).json()
            self.assertEqual([model["id"] for model in rest["data"]], ["claude-3-opus-20240229"])
            self.assertFalse(rest["has_more"])

    def test_a_page_that_is_none_is_their_error(self) -> None:
        response = self.get("/anthropic/v1/models?limit=0")
        self.assertEqual((response.status, response.error["type"]), (400, "invalid_request_error"))

    def test_a_single_model_has_the_name_that_was_asked_for(self) -> None:
        for name in ("claude-3-opus-20240229", "claude-3-opus@20240229"):
            model = self.get(f"/anthropic/v1/models/{name}").json()
            self.assertEqual((model["type"], model["id"]), ("model", name))

    def test_others_get_the_list_of_the_openai_api(self) -> None:
        self.assertEqual(self.get("/v1/models?limit=1").json()["object"], "list")
