"""Errors in the shape of the OpenAI API: ``{"error": {…}}``."""

import msgspec

from piecesd.errors import ApiError, Language


class _Details(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(msgspec.Struct):
    error: _Details


def render_error(error: ApiError, language: Language = "en", _request_id: str = "") -> bytes:
    """The JSON body that tells a client of ``error``."""
    return msgspec.json.encode(
        ErrorBody(
            _Details(
                message=error.message(language),
                type=error.type,
                param=error.param,
                code=error.code,
            )
        )
    )
