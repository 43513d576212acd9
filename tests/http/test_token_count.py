import json
from typing import Any

from piecesd.chat import ChatRequest
from tests.http.wire import Response, WireTestCase, request_bytes


class TokenCountTests(WireTestCase):
    def count(self, *headers: str, **fields: Any) -> Response:
        body = json.dumps({"model": "gpt-4o"} | fields).encode()
        return self.exchange(request_bytes("POST", "/v1/token_count", body, headers))

    def test_a_count_is_told_with_what_it_was_counted_by(self) -> None:
        self.assertEqual(
            self.count(text="Hi").json(),
            {
                "object": "token_count",
                "model": "gpt-4o",
                "encoding": "o200k_base",
                "tokens": 2,
                "approximate": True,
            },
        )

    def test_a_conversation_is_counted_and_no_completion_begun(self) -> None:
        response = self.count(messages=[{"role": "user", "content": "Hi"}])
        self.assertEqual(response.json()["tokens"], 7)
        (counted,) = self.completions.counted
        self.assertIsInstance(counted, ChatRequest)
        self.assertEqual(self.completions.begun, [])

    def test_it_is_a_request_of_the_api(self) -> None:
        self.serve(api_keys=("key",))
        self.assertEqual(self.count(text="Hi").status, 401)
        counted = self.count("authorization: Bearer key", text="Hi")
        self.assertEqual(counted.status, 200)
        self.assertEqual(self.api.status()["requests"]["api"]["total"], 2)

    def test_what_can_not_be_counted_is_refused(self) -> None:
        self.assertEqual(self.count(text="Hi", model="nope").status, 404)
        self.assertEqual(self.count().error["param"], "messages")
        self.assertEqual(self.count("content-type: text/plain", text="Hi").status, 415)
