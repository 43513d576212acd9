"""What every request with a JSON body, and every response with one, has."""

from piecesd.errors import UnsupportedMediaType
from piecesd.http.request import ApiRequest

JSON_HEADERS = ((b"content-type", b"application/json"),)


def require_json(request: ApiRequest) -> None:
    """Let JSON through, and what does not say what it is.

    :raises UnsupportedMediaType: it says it is something else.
    """
    content_type = request.getHeader(b"content-type")
    if content_type is None:
        return
    media_type = content_type.partition(b";")[0].strip().lower()
    if media_type not in (b"application/json", b""):
        shown = content_type.decode("ascii", "backslashreplace")
        raise UnsupportedMediaType(content_type=shown)
