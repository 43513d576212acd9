"""curl, as people type it."""

import json
import subprocess
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import PATIENCE_SECONDS, start

QUESTION = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]})
STREAMED = QUESTION[:-1] + ', "stream": true}'


def curl(*arguments: str) -> str:
    """The standard output of a silent curl that succeeds.

    :raises SkipTest: there is no curl.
    """
    try:
        done = subprocess.run(
            ["curl", "--silent", "--show-error", *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
    except FileNotFoundError:
        raise SkipTest("no curl here") from None
    return done.stdout


class CurlTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.daemon = start(self, API_KEY="curl-key", HOST="127.0.0.1", ECHO_DELAY="0.01")
        self.url = f"http://127.0.0.1:{self.daemon.port}"

    def ask(self, body: str, *arguments: str) -> str:
        return curl(
            *arguments,
            f"{self.url}/v1/chat/completions",
            "-H",
            "Authorization: Bearer curl-key",
            "-H",
            "Content-Type: application/json",
            "-d",
            body,
        )

    def test_an_unstreamed_answer(self) -> None:
        answer = json.loads(self.ask(QUESTION))
        self.assertTrue(answer["choices"][0]["message"]["content"].endswith("says: hello"))

    def test_a_streamed_answer(self) -> None:
        events = self.ask(STREAMED, "-N").split("\n\n")
        self.assertEqual(events[-2:], ["data: [DONE]", ""])
        first = json.loads(events[0].removeprefix("data: "))
        self.assertEqual(first["choices"][0]["delta"]["role"], "assistant")
        self.assertGreater(len(events), 20)

    def test_a_streamed_answer_over_http_1_0(self) -> None:
        self.assertTrue(self.ask(STREAMED, "-N", "--http1.0").endswith("data: [DONE]\n\n"))

    def test_the_header_of_a_streamed_answer(self) -> None:
        header = self.ask(STREAMED, "-N", "-D", "-", "-o", "/dev/null").lower().splitlines()
        self.assertEqual(header[0], "http/1.1 200 ok")
        self.assertIn("content-type: text/event-stream; charset=utf-8", header)
        self.assertIn("cache-control: no-cache", header)
        self.assertIn("x-accel-buffering: no", header)

    def test_a_body_that_curl_asks_leave_for(self) -> None:
        long_question = json.dumps(
            {"model": "gemini-1.5-pro", "messages": [{"role": "user", "content": "a " * 50_000}]}
        )
        answer = json.loads(self.ask(long_question, "-H", "Expect: 100-continue"))
        self.assertEqual(answer["choices"][0]["finish_reason"], "stop")

    def test_models_ping_and_status(self) -> None:
        models = json.loads(curl(f"{self.url}/v1/models", "-H", "Authorization: Bearer curl-key"))
        self.assertEqual(models["object"], "list")
        self.assertEqual(curl(f"{self.url}/ping"), "pong")
        self.assertEqual(json.loads(curl(self.url))["status"], "ok")

    def test_an_error(self) -> None:
        refusal = json.loads(curl(f"{self.url}/v1/models"))
        self.assertEqual(refusal["error"]["code"], "invalid_api_key")
        status = curl("-o", "/dev/null", "-w", "%{http_code}", f"{self.url}/v1/models")
        self.assertEqual(status, "401")

    def test_a_preflight_of_a_browser(self) -> None:
        header = curl(
            "-i", "-X", "OPTIONS", f"{self.url}/v1/chat/completions",
            "-H", "Origin: https://chat.example",
            "-H", "Access-Control-Request-Method: POST",
            "-H", "Access-Control-Request-Headers: authorization, content-type",
        ).lower()  # fmt: skip
        self.assertTrue(header.startswith("http/1.1 204"))
        self.assertIn("access-control-allow-origin: *", header)
        self.assertIn("authorization", header)
