"""The page for people at ``GET /``, for whoever would rather have that than JSON."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

from piecesd.errors import Language
from piecesd.http.settings import HttpSettings
from piecesd.http.weights import weighted
from piecesd.web.page import Page, assemble

if TYPE_CHECKING:
    from piecesd.http.request import ApiRequest

_LANGUAGES: tuple[Language, ...] = ("en", "zh")


def prefers_html(accept: bytes | None) -> bool:
    """Whether an ``Accept`` header (RFC 9110 §12.5.1) weighs HTML above JSON;
    without one, or where both weigh the same, it does not."""
    return accept is not None and _weight(accept, "text/html") > _weight(accept, "application/json")


def _weight(accept: bytes, media_type: str) -> float:
    """The weight of the range that is nearest to ``media_type``; 0 for none."""
    ranges = ("*/*", media_type.partition("/")[0] + "/*", media_type)
    found = [(ranges.index(each), weight) for each, weight in weighted(accept) if each in ranges]
    return max(found, default=(0, 0.0))[1]


class PageEndpoint:
    """Has the page ready in both languages.

    :param paths: what is served behind the prefix; the page shows how to use it.
    """

    def __init__(self, settings: HttpSettings, paths: Iterable[str]) -> None:
        facts = {
            "api-prefix": settings.api_prefix,
            "asks-key": "yes" if settings.api_keys else "no",
            "paths": " ".join(paths),
        }
        self._pages = {language: _Ready(assemble(language, facts)) for language in _LANGUAGES}

    def show(self, request: ApiRequest) -> None:
        """Send it in the client's language, unless the client has that already."""
        page = self._pages[request.language]
        known = request.getHeader(b"if-none-match") or b""
        if any(each.strip().removeprefix(b"W/") == page.tag for each in known.split(b",")):
            request.send(304, page.headers, b"")
        else:
            request.send(200, page.headers, page.html)


class _Ready:
    """A page as it is sent."""

    def __init__(self, page: Page) -> None:
        self.html = page.html
        self.tag = b'"%s"' % urlsafe_b64encode(sha256(page.html).digest()[:15])
        self.headers = (
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", page.policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cache-control", b"no-cache"),
            (b"etag", self.tag),
        )
