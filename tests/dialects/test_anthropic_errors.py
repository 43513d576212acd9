"""Errors as Anthropic's clients read them."""

import json

from anthropic.types import BetaErrorResponse, ErrorResponse
from twisted.trial.unittest import SynchronousTestCase

from piecesd.dialects.anthropic_errors import error_type, render_error
from piecesd.errors import ApiError, InvalidApiKey, MissingApiKey, ModelNotFound


class RenderErrorTests(SynchronousTestCase):
    def test_an_error_has_the_api_s_fields_and_our_code_where_it_has_its_own(self) -> None:
        body = render_error(ModelNotFound(model="m"), "en", "req_1")
        self.assertEqual(
            json.loads(body),
            {
                "type": "error",
                "error": {
                    "type": "not_found_error",
                    "message": "The model 'm' does not exist or is not served here.",
                    "details": {"error_code": "model_not_found"},
                },
                "request_id": "req_1",
            },
        )
        self.assertEqual(ErrorResponse.model_validate_json(body).error.type, "not_found_error")
        self.assertEqual(BetaErrorResponse.model_validate_json(body).request_id, "req_1")

    def test_one_without_a_code_has_no_details(self) -> None:
        self.assertNotIn("details", json.loads(render_error(ApiError()))["error"])

    def test_it_is_in_the_client_s_language(self) -> None:
        self.assertIn("密钥不正确", render_error(InvalidApiKey(), "zh").decode())

    def test_a_key_is_asked_for_as_these_clients_send_it(self) -> None:
        for language in ("en", "zh"):
            text = render_error(MissingApiKey(), language).decode()
            self.assertIn("`x-api-key: KEY`", text)
            self.assertNotIn("Bearer", text)


class ErrorTypeTests(SynchronousTestCase):
    def test_the_type_follows_the_status(self) -> None:
        for status, expected in (
            (400, "invalid_request_error"),
            (401, "authentication_error"),
            (403, "permission_error"),
            (404, "not_found_error"),
            (405, "invalid_request_error"),
            (413, "request_too_large"),
            (429, "rate_limit_error"),
            (500, "api_error"),
            (502, "api_error"),
            (503, "overloaded_error"),
            (504, "timeout_error"),
        ):
            self.assertEqual(error_type(status), expected, status)
