"""Cross-origin access, for pages in browsers (the Fetch standard, "CORS protocol").

Keys travel in the ``Authorization`` header, never in cookies, so credentials
are never allowed.
"""

import re

_ALLOWED_METHODS = b"GET, HEAD, POST, OPTIONS"
_EXPOSED_HEADERS = b"x-request-id, request-id, retry-after"
_DEFAULT_ALLOWED_HEADERS = b"authorization, content-type"
_PREFLIGHT_AGE_SECONDS = b"7200"
_HEADER_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~, \t-]{1,2000}")

HeaderList = tuple[tuple[bytes, bytes], ...]


class CorsPolicy:
    """Which origins may call the API: those listed, all with ``*``, none when
    the list is empty.

    :param more_exposed: names of response headers that pages may read beside
        the usual ones.
    """

    def __init__(self, origins: tuple[str, ...], more_exposed: tuple[bytes, ...] = ()) -> None:
        self._any = "*" in origins
        self._exposed = b", ".join((_EXPOSED_HEADERS, *more_exposed))
        self._origins = frozenset(origin.encode() for origin in origins)

    @property
    def enabled(self) -> bool:
        return bool(self._origins)

    def response_headers(self, origin: bytes | None) -> HeaderList:
        """What a response to a request of that ``Origin`` carries."""
        if not self._origins:
            return ()
        if self._any:
            return (
                (b"access-control-allow-origin", b"*"),
                (b"access-control-expose-headers", self._exposed),
            )
        if origin is None or origin not in self._origins:
            return ((b"vary", b"origin"),)
        return (
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", self._exposed),
            (b"vary", b"origin"),
        )

    def preflight_headers(
        self, method: bytes, origin: bytes | None, wanted_method: bytes | None, wanted: bytes | None
    ) -> HeaderList | None:
        """What the answer to a preflight carries beside `response_headers`;
        None where the request is no preflight, or no origin may call.

        :param wanted_method: its ``Access-Control-Request-Method``.
        :param wanted: its ``Access-Control-Request-Headers``. All that are
            asked for are allowed: SDKs add their own, such as x-stainless-*.
        """
        if method != b"OPTIONS" or origin is None or wanted_method is None or not self._origins:
            return None
        if wanted is None or not _HEADER_NAMES.fullmatch(wanted):
            wanted = _DEFAULT_ALLOWED_HEADERS
        return (
            (b"access-control-allow-methods", _ALLOWED_METHODS),
            (b"access-control-allow-headers", wanted),
            (b"access-control-max-age", _PREFLIGHT_AGE_SECONDS),
        )
