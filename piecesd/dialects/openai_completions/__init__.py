"""OpenAI's legacy "Create completion": a `piecesd.dialects.dialect.Dialect`."""

from piecesd.dialects.openai_completions.request import parse
from piecesd.dialects.openai_errors import render_error

__all__ = ["parse", "render_error"]
