"""``GET {prefix}openapi.json``: what is served here, for programs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from piecesd.http.json_request import JSON_HEADERS
from piecesd.http.request import ApiRequest
from piecesd.http.settings import HttpSettings

if TYPE_CHECKING:
    from piecesd.completion.service import Completions
    from piecesd.http.metrics import MetricsEndpoint
    from piecesd.http.routes import RoutedKlein
    from piecesd.openapi.operations import Key

_ETAG_CHARACTERS = 32


class OpenApiEndpoint:
    """Shows the description to everybody: it holds no secret, and those who make
    clients of it often can't show a key.

    It is made when somebody asks for the first time, of the routes of that time.
    """

    def __init__(
        self,
        klein: RoutedKlein,
        completions: Completions,
        settings: HttpSettings,
        *,
        version: str,
        metrics: MetricsEndpoint | None,
    ) -> None:
        self._klein = klein
        self._completions = completions
        self._settings = settings
        self._version = version
        self._metrics = metrics

    def show(self, request: ApiRequest) -> None:
        """Send the description, or 304 to those who have it (RFC 9110 §13.1.2)."""
        document, etag = self._rendered
        headers = ((b"etag", etag), (b"cache-control", b"no-cache"))
        if etag in (request.getHeader(b"if-none-match") or b""):
            request.send(304, headers, b"")
        else:
            request.send(200, (*JSON_HEADERS, *headers), document)

    @cached_property
    def _rendered(self) -> tuple[bytes, bytes]:
        """The document and its entity tag."""
        # Most daemons are never asked, and can do without its memory.
        from piecesd.openapi.document import Route, Served, render

        document = render(
            Served(
                version=self._version,
                routes=sorted(Route(*each) for each in self._klein.served()),
                keys=frozenset(self._keys()),
                models=[model.id for model in self._completions.models],
                ignore_unsupported=self._settings.ignore_unsupported_params,
            )
        )
        digest = sha256(document).hexdigest()[:_ETAG_CHARACTERS]
        return document, f'"{digest}"'.encode()

    def _keys(self) -> Iterable[Key]:
        """The settings of which a key is asked for."""
        if self._settings.api_keys:
            yield "API_KEY"
        if self._settings.admin_key is not None:
            yield "ADMIN_KEY"
        if self._metrics is not None and self._metrics.asks_for_token:
            yield "METRICS_TOKEN"
