from typing import Any

from tests.http.scripted_completions import USAGE
from tests.http.wire import Response, WireTestCase, messages_body, request_bytes


class CountTokensTests(WireTestCase):
    def count(self, path: str = "/v1/messages/count_tokens", **fields: Any) -> Response:
        return self.exchange(request_bytes("POST", path, messages_body(**fields)))

    def test_it_is_the_input_of_the_completion_that_it_would_be(self) -> None:
        for path in ("/v1/messages/count_tokens", "/anthropic/v1/messages/count_tokens"):
            response = self.count(path, system="Be brief.")
            self.assertEqual(response.json(), {"input_tokens": USAGE.input_tokens})
        for completion in self.completions.begun:
            self.assertEqual(completion.request.messages[0].text, "Be brief.")
            self.assertTrue(completion.cancelled)

    def test_an_unknown_model_is_not_found(self) -> None:
        response = self.count(model="gpt-0")
        self.assertEqual((response.status, response.error["type"]), (404, "not_found_error"))

    def test_it_is_no_completion_in_the_log(self) -> None:
        self.count()
        (line,) = self.access_lines()
        self.assertIsNone(line["model"])
