"""The one place where an error becomes an HTTP response."""

from typing import TYPE_CHECKING

from twisted.logger import Logger
from twisted.python.failure import Failure
from werkzeug import exceptions as routing

from piecesd.errors import (
    ApiError,
    InternalError,
    InvalidApiKey,
    MethodNotAllowed,
    UnknownPath,
)

if TYPE_CHECKING:
    from piecesd.http.request import ApiRequest

_log = Logger()


def send_error(request: "ApiRequest", error: ApiError) -> None:
    """Answer ``request`` with ``error``, in the language its client prefers."""
    language = request.language
    headers = [
        (b"content-type", b"application/json"),
        (b"content-language", language.encode()),
    ]
    if error.retry_after_seconds is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after_seconds))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    if isinstance(error, InvalidApiKey):
        headers.append((b"www-authenticate", b"Bearer"))
    request.outcome = "error"
    request.error_code = error.code
    request.site.api.gate.note_error(request.client_address, error)
    request.send(error.status, headers, request.render_error(error, language, request.request_id))


def api_error_of(request: "ApiRequest", failure: Failure) -> ApiError:
    """The error that clients are told of for whatever was raised: an ApiError
    as it is, Klein's routing errors by their names, and InternalError for the
    unforeseen, which is logged."""
    raised = failure.value
    if isinstance(raised, ApiError):
        return raised
    method, path = request.shown_method, request.shown_path
    if isinstance(raised, routing.NotFound):
        return UnknownPath(method=method, path=path)
    if isinstance(raised, routing.MethodNotAllowed):
        allowed = tuple(sorted(raised.valid_methods or ()))
        return MethodNotAllowed(method=method, path=path, allowed=allowed)
    _log.failure(
        "{method} {path} failed ({request_id})",
        failure,
        method=method,
        path=path,
        request_id=request.request_id,
    )
    return InternalError(request_id=request.request_id)
