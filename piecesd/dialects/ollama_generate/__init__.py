"""Ollama's ``POST /api/generate``: a `piecesd.dialects.dialect.Dialect`."""

from piecesd.dialects.ollama_errors import render_error
from piecesd.dialects.ollama_generate.request import parse

__all__ = ["parse", "render_error"]
