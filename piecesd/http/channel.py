"""One HTTP/1.1 connection: how long it may take, how much it may send, and
what it is told when it goes too far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers

from piecesd.errors import ApiError, MalformedHttp, RequestTimedOut
from piecesd.http.request import ApiRequest

if TYPE_CHECKING:
    from piecesd.http.site import ApiSite


class ApiChannel(HTTPChannel):
    """Reads requests within the times and sizes of the site's settings.

    What is waited for, and the time it has in all (bytes that trickle in do
    not prolong it):

    - a header: ``header_timeout_seconds``, from the connection or from the
      first byte of a later request; then 408
    - a body: ``body_timeout_seconds``; then 408
    - the next request: ``keepalive_timeout_seconds``; then the end
    - the client's leave, after an answer that came before the request had all
      arrived (RFC 9112 §9.6): ``linger_seconds`` and ``linger_bytes``; what it
      still sends is thrown away
    - the kernel, to take the last bytes of a closing connection:
      ``abortTimeout`` of HTTPChannel
    """

    site: ApiSite
    transport: Any
    requests: list[ApiRequest]
    persistent: bool
    length: int | None

    _idle = False
    _lingering = False
    _linger_bytes_left = 0
    _corked = False

    def __init__(self) -> None:
        super().__init__()
        self._held: list[bytes] = []

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way here."""
        return not self.requests and not self._buffer

    def connectionMade(self) -> None:
        super().connectionMade()
        self.setTimeout(self.site.settings.header_timeout_seconds)
        self.site.connections.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self.site.connection_lost(self)

    # Reading.

    def dataReceived(self, data: bytes) -> None:
        try:
            # Not HTTPChannel's, which starts the timeout anew at every byte.
            LineReceiver.dataReceived(self, data)
        except ValueError:
            # int() takes no Content-Length of thousands of digits.
            self._respondToBadRequestAndDisconnect()
        self._bound_header()

    def _bound_header(self) -> None:
        """Give the header its time once its first byte is here."""
        if self._idle and self.line_mode and not self.is_idle:
            self._idle = False
            self.setTimeout(self.site.settings.header_timeout_seconds)

    def allHeadersReceived(self) -> None:
        request = self.requests[-1]
        self.persistent = self.checkPersistence(request, self._version)
        request.gotLength(self.length)
        if request.refusal is not None:
            self._answer_now(request)
            return
        if self.length == 0:
            return
        if self.length is not None and self.length > self.site.settings.max_body_bytes:
            self.answer_unread()
            return
        self.setTimeout(self.site.settings.body_timeout_seconds)
        if (request.getHeader(b"expect") or b"").lower() == b"100-continue":
            self._send100Continue()

    def rawDataReceived(self, data: bytes) -> None:
        if not self._lingering:
            super().rawDataReceived(data)
            return
        self._linger_bytes_left -= len(data)
        if self._linger_bytes_left < 0:
            self.loseConnection()

    def allContentReceived(self) -> None:
        if not self._lingering:
            super().allContentReceived()

    # Answering before the request has all arrived.

    def answer_unread(self) -> None:
        """Have the request under way answered now, without its body, which is
        over the limit."""
        request = self.requests[-1]
        request.body_too_large = True
        self._answer_now(request)

    def _answer_now(self, request: ApiRequest) -> None:
        """Have ``request`` answered without its body, and close then."""
        self._stop_reading(request)
        request.requestReceived(self._command, self._path, self._version)

    def refuse(self, error: ApiError) -> None:
        """Answer what can't be read as a request, or not to its end."""
        if self._lingering or self._abortingCall is not None:
            return
        if not self.requests:
            self.requests.append(ApiRequest(self))
        request = self.requests[-1]
        self._stop_reading(request)
        request.refuse(
            error, method=getattr(self, "_command", b"-"), uri=getattr(self, "_path", b"-")
        )

    def _stop_reading(self, request: ApiRequest) -> None:
        """Throw away what still comes; close after the answer to ``request``."""
        self._lingering = True
        self._linger_bytes_left = self.site.settings.linger_bytes
        self.persistent = False
        self.setTimeout(None)
        self.setRawMode()
        request.responseHeaders.setRawHeaders(b"connection", [b"close"])

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        self.refuse(MalformedHttp())

    def lineLengthExceeded(self, line: bytes) -> None:
        self._respondToBadRequestAndDisconnect()

    def timeoutConnection(self) -> None:
        if self._lingering or self.is_idle:
            self.loseConnection()
            return
        settings = self.site.settings
        seconds = (
            settings.header_timeout_seconds if self.line_mode else settings.body_timeout_seconds
        )
        self.refuse(RequestTimedOut(seconds=seconds))
        self.loseConnection()

    # Writing.

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """Hold the header back for the first bytes of the body: both go out in
        one write."""
        if self.site.draining and self.persistent:
            self.persistent = False
            headers.setRawHeaders(b"connection", [b"close"])
        lines = [b"%b %b %b\r\n" % (version, code, reason)]
        for name, values in headers.getAllRawHeaders():
            lines += [b"%b: %b\r\n" % (name, value) for value in values]
        lines.append(b"\r\n")
        self._held += lines

    def write(self, data: bytes) -> None:
        self.writeSequence((data,))

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        if self._held or self._corked:
            self._held += iovec
            if self._corked:
                return
            iovec, self._held = self._held, []
        self.transport.writeSequence(iovec)

    def cork(self) -> None:
        """Hold back what is written from now to the end of the response."""
        self._corked = True

    # The end of a request, and of the connection.

    def requestDone(self, request: ApiRequest) -> None:
        self._corked = False
        if self._held:
            self.writeSequence(())
        if self._lingering and not self.site.draining:
            self.requests.remove(request)
            self._linger()
            return
        if self.site.draining:
            self.persistent = False
        self._idle = True
        self._savedTimeOut = self.site.settings.keepalive_timeout_seconds
        super().requestDone(request)
        self._bound_header()

    def _linger(self) -> None:
        """Say that no more is coming, and wait for the client to leave."""
        self.setTimeout(self.site.settings.linger_seconds)
        if ITCPTransport.providedBy(self.transport):
            self.transport.loseWriteConnection()

    def loseConnection(self) -> None:
        """Close once all is sent, or after ``abortTimeout`` in any case."""
        if self._abortingCall is not None:
            return
        self.setTimeout(None)
        self._abortingCall = self.callLater(self.abortTimeout, self.forceAbortClient)
        super().loseConnection()
