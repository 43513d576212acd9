"""Ollama's ``POST /api/chat``: a `piecesd.dialects.dialect.Dialect`."""

from piecesd.dialects.ollama_chat.request import parse
from piecesd.dialects.ollama_errors import render_error

__all__ = ["parse", "render_error"]
