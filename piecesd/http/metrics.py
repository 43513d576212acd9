"""``GET /metrics``, on the API's port or on one of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.web.resource import Resource

from piecesd.access.gate import Gate
from piecesd.errors import UnknownPath
from piecesd.http.auth import ApiKeys
from piecesd.http.running import RunningRequests
from piecesd.http.settings import HttpSettings

if TYPE_CHECKING:
    from piecesd.http.request import ApiRequest

PATH = b"/metrics"

_HEADERS = (
    (b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),
    (b"cache-control", b"no-store"),
)


class MetricsEndpoint:
    """Shows the metrics to those who have the token, or to all without one.

    :param render: makes the page.
    """

    def __init__(self, render: Callable[[], bytes], token: str | None) -> None:
        self._render = render
        self.asks_for_token = bool(token)
        self._keys = ApiKeys((token,) if token else ())

    def show(self, request: ApiRequest) -> None:
        """:raises InvalidApiKey: the token is another, or missing."""
        self._keys.check(request.shown_key)
        request.send(200, _HEADERS, self._render())


class MetricsApi:
    """What a site serves that has nothing but the metrics.

    :param gate: tells who the client is; not whether it may come in, for that
        is up to the address such a site listens on.
    :param version: for the Server header.
    """

    def __init__(
        self, endpoint: MetricsEndpoint, settings: HttpSettings, *, gate: Gate, version: str
    ) -> None:
        self.settings = settings
        self.gate = gate
        self.version = version
        self.running = RunningRequests(0)
        self.resource = Resource()
        self._endpoint = endpoint

    def receive(self, request: ApiRequest) -> None:
        """:raises UnknownPath: it asks for something else."""
        if request.path != PATH or request.method not in (b"GET", b"HEAD"):
            raise UnknownPath(method=request.shown_method, path=request.shown_path)
        self._endpoint.show(request)
