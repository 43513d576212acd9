"""What each failure of an upstream is to a client."""

import grpc
from twisted.trial.unittest import SynchronousTestCase

from piecesd.errors import ApiError
from piecesd.upstream.status import error_of_code, error_of_status, retry_after_seconds


class Failed(grpc.RpcError):  # type: ignore[misc]  # grpcio has no types
    def __init__(self, status: grpc.StatusCode, details: str = "at 10.0.0.1") -> None:
        self._status = status
        self._details = details

    def code(self) -> grpc.StatusCode:
        return self._status

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("retry-after", "7"),)


def status_of(status: grpc.StatusCode, details: str = "at 10.0.0.1") -> ApiError:
    return error_of_status(Failed(status, details), 30.0)


class StatusTests(SynchronousTestCase):
    def test_every_grpc_status_has_an_http_status_and_a_retry_rule(self) -> None:
        retried = {"UNAVAILABLE", "RESOURCE_EXHAUSTED", "INTERNAL", "UNKNOWN"}
        statuses = {"RESOURCE_EXHAUSTED": 429, "DEADLINE_EXCEEDED": 504}
        for status in grpc.StatusCode:
            error = status_of(status)
            self.assertEqual(error.status, statuses.get(status.name, 502), status)
            self.assertEqual(getattr(error, "retryable", None), status.name in retried, status)

    def test_the_upstreams_own_words_go_to_the_log_and_not_to_clients(self) -> None:
        for status in grpc.StatusCode:
            error = status_of(status)
            self.assertNotIn("10.0.0.1", error.message("en") + error.message("zh"))
            self.assertIn("10.0.0.1", getattr(error, "log_detail", ""))

    def test_a_reply_over_grpcs_own_limit_is_no_rate_limit(self) -> None:
        error = status_of(
            grpc.StatusCode.RESOURCE_EXHAUSTED, "CLIENT: Received message larger than max (5 vs. 4)"
        )
        self.assertEqual((error.status, getattr(error, "retryable", None)), (502, False))

    def test_a_rate_limit_carries_its_retry_after(self) -> None:
        error = status_of(grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual(error.retry_after_seconds, 7)

    def test_what_is_no_grpc_error_is_a_failed_call(self) -> None:
        self.assertEqual(error_of_status(ValueError("closed"), None).status, 502)


class RetryAfterTests(SynchronousTestCase):
    def test_it_is_read_in_either_form_and_rounded_up(self) -> None:
        for key, value, seconds in (
            ("retry-after", "7", 7),
            ("retry-after", "0.2", 1),
            ("grpc-retry-pushback-ms", "1500", 2),
            ("grpc-retry-pushback-ms", b"0", 0),
            ("retry-after", "99999999", 3600),
        ):
            self.assertEqual(retry_after_seconds([("other", "1"), (key, value)]), seconds)

    def test_what_can_not_be_read_is_no_hint(self) -> None:
        for value in ("", "soon", "-1", "nan", "inf", b"\xff"):
            self.assertIsNone(retry_after_seconds([("retry-after", value)]), value)
        self.assertIsNone(retry_after_seconds([]))


class ResponseCodeTests(SynchronousTestCase):
    def test_429_is_a_rate_limit(self) -> None:
        error = error_of_code(429)
        self.assertEqual((error.status, error.retryable), (429, True))

    def test_other_codes_are_gateway_errors_that_name_the_code(self) -> None:
        for code, retryable in ((439, False), (400, False), (408, True), (500, True), (503, True)):
            error = error_of_code(code)
            self.assertEqual((error.status, error.retryable), (502, retryable), code)
            self.assertIn(str(code), error.message("en"))
            self.assertIn(str(code), error.message("zh"))
