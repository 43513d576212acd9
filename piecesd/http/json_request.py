"""What every request with a JSON body, and every response with one, has."""

from piecesd.errors import UnsupportedMediaType
from piecesd.http.request import ApiRequest

JSON_HEADERS = ((b"content-type", b"application/json"),)


_CURLS_DEFAULT = b"application/x-www-form-urlencoded"


def require_json(request: ApiRequest) -> None:
    """Let JSON through, and what does not say what it is.

    :raises UnsupportedMediaType: it says it is something else.
    """
    if _media_type(request) not in (b"application/json", b""):
        content_type = request.getHeader(b"content-type") or b""
        shown = content_type.decode("ascii", "backslashreplace")
        raise UnsupportedMediaType(content_type=shown)


def require_json_or_curl(request: ApiRequest) -> None:
    """As `require_json`, but let through what ``curl -d`` says of all that it
    sends, and Ollama's examples with it. Web pages can say that too, and without
    a preflight; they have an ``Origin``.

    :raises UnsupportedMediaType: it says it is something else.
    """
    if _media_type(request) != _CURLS_DEFAULT or request.getHeader(b"origin") is not None:
        require_json(request)


def _media_type(request: ApiRequest) -> bytes:
    content_type = request.getHeader(b"content-type") or b""
    return content_type.partition(b";")[0].strip().lower()
