"""Errors in the shape that OpenAI clients expect."""

import json

from twisted.trial.unittest import SynchronousTestCase

from piecesd.dialects.openai_errors import render_error
from piecesd.errors import ApiError, InvalidApiKey, ModelNotFound, WrongType


class RenderErrorTests(SynchronousTestCase):
    def test_an_error_has_the_four_fields_in_the_api_s_order(self) -> None:
        body = render_error(WrongType(param="messages[0].content", detail="it is a number."))
        self.assertEqual(
            body,
            b'{"error":{"message":"Invalid value at `messages[0].content`: it is a number.",'
            b'"type":"invalid_request_error","param":"messages[0].content","code":"invalid_type"}}',
        )

    def test_what_an_error_does_not_have_is_null(self) -> None:
        error = json.loads(render_error(ApiError()))["error"]
        self.assertIsNone(error["param"])
        self.assertIsNone(error["code"])

    def test_the_message_is_in_the_language_asked_for(self) -> None:
        error = json.loads(render_error(InvalidApiKey(), "zh"))["error"]
        self.assertEqual(error["message"], InvalidApiKey.zh)
        self.assertEqual(error["code"], "invalid_api_key")

    def test_quotes_in_a_message_are_escaped(self) -> None:
        error = json.loads(render_error(ModelNotFound(model='a"\n')))["error"]
        self.assertIn('a"\\n', error["message"])
