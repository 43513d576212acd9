from twisted.trial.unittest import SynchronousTestCase

from piecesd.dialects.ollama_errors import render_error
from piecesd.errors import ModelNotFound


class RenderErrorTests(SynchronousTestCase):
    def test_an_error_is_its_text_in_either_language(self) -> None:
        error = ModelNotFound(model="gpt-9")
        self.assertEqual(
            render_error(error),
            b'{"error":"The model \'gpt-9\' does not exist or is not served here."}',
        )
        self.assertEqual(
            render_error(error, "zh").decode(), '{"error":"模型 \'gpt-9\' 不存在或未在此提供。"}'
        )
