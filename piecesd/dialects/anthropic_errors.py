"""Errors in the shape of the Anthropic API: ``{"type": "error", "error": {…}}``."""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, UnsetType

from piecesd.errors import ApiError, Language, MissingApiKey, Phrase

_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
"""The reference's types by status. It sends the one of 503 with a status of its
own, 529; decision 091 says why that is not done here."""

_OTHER_WORDS: Mapping[type[ApiError], Phrase] = {
    MissingApiKey: Phrase(
        "No API key was provided; send it as `x-api-key: KEY`.",
        "未提供 API 密钥；请以 `x-api-key: KEY` 发送。",
    )
}
"""For errors whose own message speaks of what clients of other APIs do."""


class _Details(msgspec.Struct):
    error_code: str


class _Error(msgspec.Struct):
    type: str
    message: str
    details: _Details | UnsetType


class ErrorBody(msgspec.Struct, tag_field="type", tag="error"):
    error: _Error
    request_id: str


def render_error(error: ApiError, language: Language = "en", request_id: str = "") -> bytes:
    """The JSON body that tells a client of ``error``."""
    words = _OTHER_WORDS.get(type(error))
    return msgspec.json.encode(
        ErrorBody(
            error=_Error(
                type=error_type(error.status),
                message=words.in_language(language) if words else error.message(language),
                details=UNSET if error.code is None else _Details(error.code),
            ),
            request_id=request_id,
        )
    )


def error_type(status: int) -> str:
    """The reference's type for a status from 400 to 599."""
    return _TYPES.get(status) or ("invalid_request_error" if status < 500 else "api_error")
