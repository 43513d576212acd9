"""Errors in the shape of Ollama's API: ``{"error": "text"}``."""

import msgspec

from piecesd.errors import ApiError, Language


class ErrorBody(msgspec.Struct):
    error: str


def render_error(error: ApiError, language: Language = "en", _request_id: str = "") -> bytes:
    """The JSON body that tells a client of ``error``, or the last line of a stream."""
    return msgspec.json.encode(ErrorBody(error.message(language)))
