"""OpenAI's "Create a model response": a `piecesd.dialects.dialect.Dialect`.

`piecesd.dialects.openai_responses.stored` reads and writes what is kept of one.
"""

from piecesd.dialects.openai_errors import render_error
from piecesd.dialects.openai_responses.request import parse

__all__ = ["parse", "render_error"]
