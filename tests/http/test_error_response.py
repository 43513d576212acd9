from collections.abc import Callable

from piecesd.errors import ApiError, ShuttingDown, UpstreamRateLimited, UpstreamTimeout
from tests.http.wire import Response, WireTestCase, chat_bytes, request_bytes


class ErrorResponseTests(WireTestCase):
    def test_an_unknown_path_is_a_404_that_names_it(self) -> None:
        response = self.get("/v1/nothing?here=1")
        self.assertEqual(response.status, 404)
        self.assertEqual(response.headers["content-type"], "application/json")
        self.assertEqual(response.headers["content-language"], "en")
        self.assertEqual(
            response.error,
            {
                "message": "Unknown request URL: GET /v1/nothing. Please check the path for typos.",
                "type": "invalid_request_error",
                "param": None,
                "code": "unknown_url",
            },
        )

    def test_a_path_with_a_slash_too_many_is_unknown(self) -> None:
        for path in ("//v1/models", "/v1//models", "//"):
            self.assertEqual(self.get(path).status, 404, path)

    def test_a_wrong_method_is_a_405_with_the_methods_there_are(self) -> None:
        for method, path, allow in (
            ("DELETE", "/v1/models", "GET, HEAD"),
            ("GET", "/v1/chat/completions", "POST"),
            ("HEAD", "/v1/chat/completions", "POST"),
            ("OPTIONS", "/ping", "GET, HEAD"),
            ("BREW", "/", "GET, HEAD"),
        ):
            connection = self.connect()
            connection.send(request_bytes(method, path))
            head = connection.received
            self.assertTrue(head.startswith(b"HTTP/1.1 405 "), head)
            self.assertIn(f"\r\nAllow: {allow}\r\n".encode(), head)

    def test_a_client_that_reads_chinese_gets_chinese(self) -> None:
        response = self.get("/v1/nothing", "accept-language: zh-CN,zh;q=0.9,en;q=0.8")
        self.assertEqual(response.headers["content-language"], "zh")
        self.assertTrue(response.error["message"].startswith("未知的请求地址"))

    def test_errors_keep_their_status_and_say_when_to_retry(self) -> None:
        for error, status, retry_after in (
            (UpstreamRateLimited(retry_after_seconds=7), 429, "7"),
            (UpstreamTimeout(seconds=30, what="first piece"), 504, None),
            (ShuttingDown(), 503, None),
        ):
            response = self._fail_with(error)
            self.assertEqual(response.status, status)
            self.assertEqual(response.headers.get("retry-after"), retry_after)
            self.assertEqual(response.error["code"], error.code)

    def test_every_status_is_sent_with_its_phrase(self) -> None:
        self.completions.script = [UpstreamRateLimited()]
        connection = self.connect()
        connection.send(chat_bytes())
        self.assertTrue(connection.received.startswith(b"HTTP/1.1 429 Too Many Requests\r\n"))

    def test_the_unforeseen_is_a_500_that_shows_nothing_but_the_request_id(self) -> None:
        response = self._fail_with(ZeroDivisionError("secret detail"))
        self.assertEqual(response.status, 500)
        self.assertEqual(response.error["code"], "internal_error")
        self.assertIn(response.headers["x-request-id"], response.error["message"])
        self.assertNotIn(b"secret detail", response.body)
        self.assertNotIn(b"Traceback", response.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_failure_outside_of_the_routes_is_a_500_too(self) -> None:
        def fail() -> None:
            raise ZeroDivisionError

        self._break_counting(fail)
        response = self.get("/ping")
        self.assertEqual((response.status, response.error["code"]), (500, "internal_error"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_path_that_is_not_utf_8_is_unknown(self) -> None:
        response = self.get("/v1/models/%ff")
        self.assertEqual((response.status, response.error["code"]), (404, "unknown_url"))

    def test_the_host_is_nobodys_business(self) -> None:
        for host in ("a" * 300, "..", "\xff", "xn--\xe9", "[::1", ""):
            response = self.exchange(f"GET /ping HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
            self.assertEqual(response.status, 200, host)

    def _fail_with(self, error: ApiError | Exception) -> Response:
        self.completions.script = [error]
        return self.exchange(chat_bytes())

    def _break_counting(self, fail: Callable[[], None]) -> None:
        self.patch(self.api._stats, "count_request", fail)
