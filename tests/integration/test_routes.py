"""Paths, models, request ids and languages, as settings have them."""

import json
import re

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import Daemon, run_directory, start, start_in
from tests.integration.web import chat, get, open_chat

CHAT = "/v1/chat/completions"
CLAUDE = "claude-3-5-sonnet@20240620"
CLAUDE_IN_PATH = ("claude-3-5-sonnet@20240620", "claude-3-5-sonnet%4020240620")
CLAUDE_WITH_DASH = "claude-3-5-sonnet-20240620"


class RouteTestCase(SynchronousTestCase):
    def daemon(self, **settings: str) -> Daemon:
        return start(self, **({"ECHO_DELAY": "0", "UPSTREAM_FAULTS": "true"} | settings))

    def assert_answers(self, daemon: Daemon, path: str, asked: str, shown: str) -> None:
        """The chat at ``path`` with the model ``asked`` is answered as ``shown``."""
        for stream in (False, True):
            reply = chat(daemon.port, "hello", path=path, stream=stream, model=asked)
            self.assertEqual(reply.status, 200, (path, reply.body))
            self.assertIn(f'"model":"{shown}"'.encode(), reply.body)


class PrefixTests(RouteTestCase):
    def test_the_api_stands_under_its_prefix_and_nowhere_else(self) -> None:
        for setting, prefix in (("/", "/"), ("api", "/api/"), ("/a/b/", "/a/b/")):
            daemon = self.daemon(API_PREFIX=setting)
            self.assert_answers(daemon, f"{prefix}chat/completions", "gpt-4o", "gpt-4o")
            self.assertEqual(get(daemon.port, f"{prefix}models").status, 200)
            self.assertEqual(get(daemon.port, f"{prefix}models/gpt-4o").json["id"], "gpt-4o")
            self.assertEqual(get(daemon.port, "/ping").body, b"pong")
            self.assertEqual(get(daemon.port, "/").json["status"], "ok")
            reply = get(daemon.port, "/v1/models")
            self.assertEqual((reply.status, reply.error["code"]), (404, "unknown_url"))


class ModelTests(RouteTestCase):
    def test_both_spellings_of_a_claude_id_are_found(self) -> None:
        daemon = self.daemon()
        for name in CLAUDE_IN_PATH:
            self.assertEqual(get(daemon.port, f"/v1/models/{name}").json["id"], CLAUDE)
        reply = get(daemon.port, f"/v1/models/{CLAUDE_WITH_DASH}")
        self.assertEqual(reply.json["id"], CLAUDE_WITH_DASH)
        for name in (CLAUDE, CLAUDE_WITH_DASH):
            self.assert_answers(daemon, CHAT, name, name)

    def test_the_model_in_the_path_holds_where_the_body_names_none_or_an_unknown_one(self) -> None:
        daemon = self.daemon(ENABLE_MODEL_ROUTE="true")
        for name in (*CLAUDE_IN_PATH, CLAUDE_WITH_DASH):
            path = f"/{name}/v1/chat/completions"
            shown = name.replace("%40", "@")
            self.assert_answers(daemon, path, "", shown)
            self.assert_answers(daemon, path, "no-such-model", shown)
            self.assert_answers(daemon, path, "gpt-4o", "gpt-4o")
            self.assertEqual(get(daemon.port, f"/{name}/v1/models").json["object"], "list")
        reply = chat(daemon.port, "hello", path="/gpt-0/v1/chat/completions", model="")
        self.assertEqual((reply.status, reply.error["code"]), (404, "model_not_found"))

    def test_without_model_routes_such_paths_are_unknown(self) -> None:
        daemon = self.daemon()
        reply = chat(daemon.port, "hello", path="/gpt-4o/v1/chat/completions")
        self.assertEqual((reply.status, reply.error["code"]), (404, "unknown_url"))

    def test_model_routes_under_an_empty_prefix(self) -> None:
        daemon = self.daemon(ENABLE_MODEL_ROUTE="true", API_PREFIX="/")
        self.assert_answers(daemon, "/gpt-4/chat/completions", "", "gpt-4")
        self.assert_answers(daemon, "/chat/completions", "gpt-4", "gpt-4")

    def test_a_default_model_takes_unknown_ones(self) -> None:
        daemon = self.daemon(DEFAULT_MODEL="gpt-4")
        self.assert_answers(daemon, CHAT, "no-such-model", "gpt-4")
        self.assert_answers(daemon, CHAT, "", "gpt-4")
        self.assert_answers(daemon, CHAT, CLAUDE, CLAUDE)

    def test_a_models_file_replaces_the_models(self) -> None:
        directory = run_directory(self)
        limits = {"total_tokens": 100, "input_tokens": 90, "output_tokens": 10}
        model = {
            "id": "house/own@1",
            "aliases": ["own"],
            "family": "gpt",
            "encoding": "o200k_base",
            "owner": "house",
            "created": "2024-01-01T00:00:00Z",
            "limits": limits,
        }
        (directory / "models.json").write_text(json.dumps({"models": [model]}))
        settings = {"PORT": "0", "MODELS_FILE": "models.json", "ECHO_DELAY": "0"}
        daemon = start_in(directory, self, settings=settings)
        (listed,) = get(daemon.port, "/v1/models").json["data"]
        self.assertEqual((listed["id"], listed["owned_by"]), ("house/own@1", "house"))
        for name in ("house/own@1", "own"):
            self.assertEqual(get(daemon.port, f"/v1/models/{name}").json["id"], name)
            self.assert_answers(daemon, CHAT, name, name)
        self.assertEqual(chat(daemon.port, "hello", model="gpt-4o").status, 404)
        self.assertEqual(chat(daemon.port, "word " * 100, model="own").status, 400)


class RequestIdTests(RouteTestCase):
    def test_a_sane_id_is_echoed_and_another_one_replaced(self) -> None:
        daemon = self.daemon()
        for sane in ("a", "4f0c-9.b:c/d+e=@~_", "x" * 128):
            reply = get(daemon.port, "/v1/models", {"x-request-id": sane})
            self.assertEqual(reply.headers["x-request-id"], sane)
        for odd in ("", "two words", "x" * 129, "caf\u00e9", "a\tb"):
            reply = get(daemon.port, "/v1/models", {"x-request-id": odd})
            self.assertTrue(reply.headers["x-request-id"].startswith("req_"), odd)

    def test_it_is_on_every_response_and_in_every_line_of_its_request(self) -> None:
        daemon = self.daemon(MAX_RETRIES="1")
        given = {"x-request-id": "followed"}
        fault = "[[fault: attempts=1 status=UNAVAILABLE]]"
        reply = chat(daemon.port, fault, headers=given, stream=True)
        self.assertEqual(reply.headers["x-request-id"], "followed")
        daemon.wait_for("-> 200 .* followed ")
        self.assertEqual(len(daemon.matching("followed retry 1 of 1")), 1)
        for path in ("/", "/ping", "/nowhere", "/v1/models/none"):
            self.assertEqual(get(daemon.port, path, given).headers["x-request-id"], "followed")
        refused = open_chat(daemon.port, "hello", headers=given, path="/v1/models").reply()
        self.assertEqual((refused.status, refused.headers["x-request-id"]), (405, "followed"))
        self.assertEqual(refused.headers["allow"], "GET, HEAD")


class LanguageTests(RouteTestCase):
    def assert_chinese(self, message: str) -> None:
        """Only names stand in it in Latin letters, and never a sentence."""
        self.assertRegex(message, "[\u4e00-\u9fff]")
        self.assertNotRegex(re.sub("`[^`]*`|'[^']*'", "", message), "[a-z]+ [a-z]+")

    def test_errors_are_in_the_language_that_the_client_prefers(self) -> None:
        daemon = self.daemon(
            MAX_RETRIES="0", TIMEOUT="0.3", STREAM_IDLE_TIMEOUT="0.3", BRIDGE_THREADS="1"
        )
        chinese = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.1"}
        faults = [f"status={name}" for name in ("UNAVAILABLE", "INTERNAL", "PERMISSION_DENIED")]
        faults += ["code=429", "code=439", "garbage", "stall", "unmarked"]
        replies = [
            chat(daemon.port, f"[[fault: {fault}]]", headers=chinese, stream=stream)
            for fault in faults
            for stream in (False, True)
            if stream or fault != "unmarked"
        ]
        replies += [
            chat(daemon.port, "hello", headers=chinese, stream=True, n=2),
            chat(daemon.port, "hello", headers=chinese, model="no-such-model"),
            chat(daemon.port, "hello", headers=chinese, model=""),
            chat(daemon.port, "hello", headers=chinese, temperature="hot"),
            chat(daemon.port, "hello", headers=chinese, temperature=9),
            chat(daemon.port, "hello", headers=chinese, logprobs=True),
            chat(daemon.port, "hello", headers=chinese, messages=[]),
            chat(daemon.port, "word " * 5000, headers=chinese, model="gpt-4"),
            get(daemon.port, "/nowhere", chinese),
        ]
        for reply in replies:
            self.assertGreaterEqual(reply.status, 400)
            self.assertEqual(reply.headers["content-language"], "zh")
            self.assert_chinese(reply.error["message"])
        broken = open_chat(
            daemon.port, "[[fault: after=3 stall]]", headers=chinese, stream=True
        ).streamed()
        self.assert_chinese(broken.error["message"])

    def test_it_is_english_for_anybody_else(self) -> None:
        daemon = self.daemon()
        for headers in ({}, {"Accept-Language": "fr"}, {"Accept-Language": "en, zh;q=0.5"}):
            reply = chat(daemon.port, "hello", model="no-such-model", headers=headers)
            self.assertIn("does not exist", reply.error["message"])
