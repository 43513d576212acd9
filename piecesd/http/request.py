"""One HTTP request, and the means to answer it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, partial
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.python.failure import Failure
from twisted.web.http import datetimeToString
from twisted.web.server import Request

from piecesd.access.client import NO_ADDRESS
from piecesd.dialects import anthropic_errors, openai_errors
from piecesd.errors import AddressRefused, ApiError, BodyTooLarge, Language
from piecesd.http.access_line import CLIENT_CLOSED_REQUEST, Outcome
from piecesd.http.anthropic_clients import is_anthropic
from piecesd.http.error_response import api_error_of, send_error
from piecesd.http.language import preferred_language
from piecesd.http.request_id import request_id_of
from piecesd.stats import FinishedRequest

if TYPE_CHECKING:
    from piecesd.completion.attempts import Figures
    from piecesd.dialects.dialect import ErrorRenderer
    from piecesd.http.channel import ApiChannel
    from piecesd.http.site import ApiSite


class ApiRequest(Request):
    """A request that has an id, keeps its body in memory up to the limit, is
    answered in one write, and leaves one access line.

    ``body_too_large``: the body is over the limit and was not kept; the
    request is being answered before it has all arrived.
    ``query``: that of the URL, as it was sent.
    ``figures``: what the completion it began has come to so far.
    ``route``: the pattern of the route that answers it; empty for none.
    ``is_anthropic``: it is one of Anthropic's clients.
    ``render_error``: writes errors in the shape that its clients read.
    ``error_code``: of the error that it was answered with, or broke off with.
    """

    channel: ApiChannel
    site: ApiSite
    content: BytesIO
    postpath: list[bytes]
    defaultContentType = None  # noqa: N815 every response names its own

    request_id = ""
    query = b""
    body_too_large = False
    figures: Figures | None = None
    outcome: Outcome = "ok"
    route = ""
    is_anthropic = False
    render_error: ErrorRenderer = staticmethod(openai_errors.render_error)
    error_code: str | None = None
    _started_seconds = 0.0

    # Reading: called by the channel.

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        if self.body_too_large:
            return
        site = self.channel.site
        if self.content.tell() + len(data) > site.settings.max_body_bytes:
            site.bodies.release(self)
            self.content = BytesIO()
            self.channel.answer_unread()
        elif site.bodies.add(self, len(data)):
            self.content.write(data)

    def refuse_body(self, error: ApiError) -> None:
        self.content = BytesIO()
        self.channel.refuse(error)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Take the request line. Twisted would parse the query and forms, too,
        for every request."""
        self.channel.site.bodies.complete(self)
        self.method, self.uri, self.clientproto = command, path, version
        self.path, _, self.query = _origin_form(path).partition(b"?")
        self.args = {}
        self.process()

    def process(self) -> None:
        """Have the request answered."""
        self._begin()
        try:
            self.site.api.receive(self)
        except Exception:
            self.fail(Failure())

    def refuse(self, error: ApiError, *, method: bytes, uri: bytes) -> None:
        """Answer a request that could not be read with ``error``, or with what
        keeps its client out anyway."""
        self.method, self.uri, self.clientproto = method, uri, b"HTTP/1.1"
        self.path = uri.partition(b"?")[0]
        self._begin()
        send_error(self, self.refusal or error)

    def _begin(self) -> None:
        self.site = self.channel.site
        self._started_seconds = self.site.clock.seconds()
        self.request_id = request_id_of(self.getHeader(b"x-request-id"))
        set_header = self.responseHeaders.setRawHeaders
        set_header(b"server", [self.site.server_name])
        set_header(b"date", [datetimeToString()])
        set_header(b"x-request-id", [self.request_id.encode()])
        if is_anthropic(self.path, self.getHeader(b"anthropic-version")):
            self.is_anthropic = True
            self.render_error = anthropic_errors.render_error
            set_header(b"request-id", [self.request_id.encode()])
        # Klein routes by these two.
        self.prepath = []
        self.postpath = [unquote_to_bytes(self.path.removeprefix(b"/"))]

    def getRequestHostname(self) -> bytes:
        """Klein binds its routes to this; none depends on it, and what a client
        puts into Host may be no name at all."""
        return b"localhost"

    @property
    def shown_method(self) -> str:
        """The method, fit for messages and the log."""
        return self.method.decode("ascii", "backslashreplace")

    @property
    def shown_path(self) -> str:
        """The path as the client wrote it, without the query."""
        return self.path.decode("ascii", "backslashreplace")

    @property
    def shown_key(self) -> bytes:
        """The key the client shows: as ``Authorization: Bearer`` (RFC 6750
        §2.1), or where there is none, as Anthropic's clients do, in
        ``x-api-key``. Empty if it shows none."""
        scheme, _, key = (self.getHeader(b"authorization") or b"").strip().partition(b" ")
        if scheme.lower() == b"bearer":
            return key.strip()
        return (self.getHeader(b"x-api-key") or b"").strip()

    @property
    def language(self) -> Language:
        return preferred_language(self.getHeader(b"accept-language") or b"")

    @cached_property
    def client_address(self) -> str:
        """The client's IP address, for the log and for limits: one of IPv4 as
        such, also on a socket of IPv6; ``-`` where the connection has none.
        Behind a trusted proxy it is the one that the proxy tells."""
        return self.channel.site.api.gate.proxies.client_address(
            _peer(self.client),
            self.requestHeaders.getRawHeaders(b"x-forwarded-for"),
            self.getHeader(b"x-proxy-secret"),
        )

    @cached_property
    def refusal(self) -> AddressRefused | None:
        """What keeps the client out; None lets it in."""
        return self.channel.site.api.gate.refusal(self.client_address)

    @property
    def gone(self) -> bool:
        """Whether the connection is lost."""
        return bool(self._disconnected)

    def body(self) -> bytes:
        """The body, to be asked for once.

        :raises BodyTooLarge: it was over the limit.
        """
        if self.body_too_large:
            raise BodyTooLarge(limit=self.site.settings.max_body_bytes)
        content, self.content = self.content, BytesIO()
        return content.getvalue()

    # Answering.

    def add_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        for name, value in headers:
            self.responseHeaders.setRawHeaders(name, [value])

    def vary_by(self, *names: bytes) -> None:
        """Tell caches which request headers the answer depends on, too."""
        told = self.responseHeaders.getRawHeaders(b"vary", [])
        self.responseHeaders.setRawHeaders(b"vary", [b", ".join((*told, *names))])

    def send(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """Send a whole response; nothing where the client is gone."""
        if self._disconnected:
            return
        self.setResponseCode(status, HTTPStatus(status).phrase.encode())
        self.add_headers(headers)
        if status not in (204, 304):
            self.responseHeaders.setRawHeaders(b"content-length", [b"%d" % len(body)])
        self.write(body)
        self.finish()

    def write_last(self, data: bytes) -> None:
        """Write the last of a response and end it, in one write."""
        self.channel.cork()
        self.write(data)
        self.finish()

    def fail(self, failure: Failure) -> None:
        """Answer with the error that ``failure`` is for clients.

        Where some of an answer is out, nothing that could be said would be
        understood: the connection is dropped, which shows that it is not whole.
        """
        error = api_error_of(self, failure)
        if self.startedWriting:
            self.outcome = "broken"
            self.error_code = error.code
            self.abort()
        else:
            send_error(self, error)

    def abort(self) -> None:
        """Drop the connection without another word."""
        if not self.gone:
            self.channel.forceAbortClient()

    def finish(self) -> None:
        """End the response, once: Klein ends it again after its handlers."""
        if not self.finished and not self._disconnected:
            self.channel.site.bodies.release(self)
            super().finish()

    def connectionLost(self, reason: Failure) -> None:
        self.channel.site.bodies.release(self)
        super().connectionLost(reason)
        if self.request_id:
            if self.outcome == "ok":
                self.outcome = "cancelled"
            self.write_access_line()

    def write_access_line(self) -> None:
        seconds = self.site.clock.seconds() - self._started_seconds
        self.site.access_log.write(self, seconds=seconds)
        self.site.count_finished(self._finished(seconds))

    @property
    def final_status(self) -> int:
        """The status that was sent."""
        return self.code if self.startedWriting else CLIENT_CLOSED_REQUEST

    def _finished(self, seconds: float) -> FinishedRequest:
        whole = partial(
            FinishedRequest,
            route=self.route,
            status=self.final_status,
            outcome=self.outcome,
            error_code=self.error_code,
            seconds=seconds,
        )
        figures = self.figures
        if figures is None:
            return whole()
        return whole(
            model_id=figures.model_id,
            first_piece_seconds=figures.first_piece_seconds,
            pieces=figures.pieces,
            retries=figures.retries,
            refused_retries=figures.refused_retries,
            usage=figures.usage,
            waits=figures.waits,
        )


def _peer(address: object) -> str | None:
    """The IP address of a connection's other end; None on a unix socket."""
    if isinstance(address, IPv4Address | IPv6Address):
        return str(address.host)
    return None if isinstance(address, UNIXAddress) else NO_ADDRESS


def _origin_form(target: bytes) -> bytes:
    """The path and query of a request target, which may be a whole URL
    (RFC 9112 §3.2.2)."""
    if target.startswith(b"/"):
        return target
    _, separator, rest = target.partition(b"://")
    return b"/" + rest.partition(b"/")[2] if separator else target
