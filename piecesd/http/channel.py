"""One HTTP/1.1 connection: how long it may take, how much it may send, and
what it is told when it goes too far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IDelayedCall, ISSLTransport, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers

from piecesd.errors import ApiError, HeaderTooLarge, MalformedHttp, RequestTimedOut
from piecesd.http.body import ChunkedBody, SizedBody
from piecesd.http.framing import (
    FRAMING_NAMES,
    MAX_HEADER_BYTES,
    MAX_HEADER_LINES,
    MAX_LINE_BYTES,
    BodyFraming,
    NotHttp,
    can_become_line,
    read_header_line,
    read_request_line,
)
from piecesd.http.request import ApiRequest

if TYPE_CHECKING:
    from piecesd.http.site import ApiSite

_ANSWERS_A_TURN = 16
"""Of requests that came all at once, those answered in one turn of the reactor.
The others wait for the next one, in which other clients have theirs."""


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

    `framing` and `body` say where each request begins and ends; HTTPChannel's
    own reading of headers and bodies, which is laxer, is not used.
    """

    MAX_LENGTH = MAX_LINE_BYTES

    site: ApiSite
    transport: Any
    requestFactory: type[ApiRequest]  # noqa: N815 the site's
    requests: list[ApiRequest]
    persistent: bool
    length: int | None

    _idle = False
    _lingering = False
    _linger_bytes_left = 0
    _corked = False
    _in_header = False
    _framing: BodyFraming
    _body: SizedBody | ChunkedBody
    _answered_in_turn = 0
    _next_turn: IDelayedCall | None = None

    def __init__(self) -> None:
        super().__init__()
        self._held: list[bytes] = []

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way here."""
        return not (self.requests or self._buffer or self._dataBuffer)

    @property
    def waits_for_client(self) -> bool:
        """Whether no request that has all arrived is under way here."""
        return self._lingering or not self._handlingRequest

    def connectionMade(self) -> None:
        super().connectionMade()
        self.setTimeout(self.site.settings.header_timeout_seconds)
        self.site.connection_made(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None
        super().connectionLost(reason)
        self.site.connection_lost(self)

    # Reading.

    def dataReceived(self, data: bytes) -> None:
        if not self._busyReceiving:
            self._answered_in_turn = 0
        # Not HTTPChannel's, which starts the timeout anew at every byte.
        LineReceiver.dataReceived(self, data)
        self._check_unfinished_line()
        self._bound_header()

    def _check_unfinished_line(self) -> None:
        if self._busyReceiving or not (self.line_mode and self._buffer):
            return
        if not can_become_line(self._buffer):
            self._buffer = b""
            self.refuse(MalformedHttp())

    def _bound_header(self) -> None:
        """Give the header its time once its first byte is here."""
        if self._idle and self.line_mode and not self.is_idle:
            self._idle = False
            self.setTimeout(self.site.settings.header_timeout_seconds)

    def lineReceived(self, line: bytes) -> None:
        self._receivedHeaderSize += len(line)
        if self._receivedHeaderSize > MAX_HEADER_BYTES:
            self._refuse_header()
            return
        try:
            if not self._in_header:
                self._take_request_line(line)
            elif line:
                self._take_header_line(line)
            else:
                self._end_header()
        except NotHttp:
            self.refuse(MalformedHttp())

    def _take_request_line(self, line: bytes) -> None:
        if not line and not self._receivedHeaderCount:
            # RFC 9112 §2.2: one, which some clients send behind a body.
            self._receivedHeaderCount = 1
            return
        self._command, self._path, self._version = read_request_line(line)
        self._receivedHeaderCount = 0
        self._in_header = True
        self._framing = BodyFraming(self._version)
        self.requests.append(self.requestFactory(self))

    def _take_header_line(self, line: bytes) -> None:
        self._receivedHeaderCount += 1
        if self._receivedHeaderCount > MAX_HEADER_LINES:
            self._refuse_header()
            return
        name, value = read_header_line(line)
        if (lower_name := name.lower()) in FRAMING_NAMES:
            self._framing.take(lower_name, value)
        self.requests[-1].requestHeaders.addRawHeader(name, value)

    def _end_header(self) -> None:
        self._framing.end()
        self._in_header = False
        if self._framing.is_chunked:
            self.length, self._body = None, ChunkedBody()
        elif self._framing.length:
            self.length, self._body = self._framing.length, SizedBody(self._framing.length)
        self.allHeadersReceived()
        if self.length == 0:
            self.allContentReceived()
        else:
            self.setRawMode()

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
        if self._lingering:
            self._linger_bytes_left -= len(data)
            if self._linger_bytes_left < 0:
                self.loseConnection()
        elif self._handlingRequest:
            if self._dataBuffer:  # in one piece, since all of them are counted each time
                data = self._dataBuffer.pop() + data
            super().rawDataReceived(data)
        else:
            self._take_body(data)

    def _take_body(self, received: bytes) -> None:
        try:
            data, rest = self._body.feed(received)
        except NotHttp:
            self.refuse(MalformedHttp())
            return
        if data:
            self.requests[-1].handleContentChunk(data)
        if rest is not None:
            if rest:
                self._dataBuffer.append(rest)
            self.allContentReceived()

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
            self.requests.append(self.requestFactory(self))
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
        self._refuse_header()

    def _refuse_header(self) -> None:
        self.refuse(
            HeaderTooLarge(
                max_lines=MAX_HEADER_LINES,
                max_line_bytes=MAX_LINE_BYTES,
                max_bytes=MAX_HEADER_BYTES,
            )
        )

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
        if self.site.closes_connections and self.persistent:
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
        if self.site.closes_connections:
            self.persistent = False
        self._idle = True
        self._savedTimeOut = self.site.settings.keepalive_timeout_seconds
        super().requestDone(request)
        self._check_unfinished_line()
        self._bound_header()

    def setLineMode(self, extra: bytes = b"") -> None:
        """Read the next request: now, or in the next turn where enough of those
        that are here already have had this one."""
        self._answered_in_turn += 1
        if self._answered_in_turn < _ANSWERS_A_TURN or not (extra or self._buffer):
            super().setLineMode(extra)
            return
        self._handlingRequest = True  # keeps what there is, and what comes, for later
        if extra:
            self._dataBuffer.append(extra)
        self._next_turn = self.callLater(0, self._read_on)

    def _read_on(self) -> None:
        self._next_turn = None
        if self._waitingForTransport:  # the client does not take its answers
            return
        self._handlingRequest = False
        self._answered_in_turn = 0
        self._networkProducer.resumeProducing()
        data, self._dataBuffer = b"".join(self._dataBuffer), []
        super().setLineMode(data)
        self._check_unfinished_line()
        self._bound_header()

    def resumeProducing(self) -> None:
        super().resumeProducing()
        if self._dataBuffer and not self.requests and self._next_turn is None:
            self._next_turn = self.callLater(0, self._read_on)

    def _linger(self) -> None:
        """Say that no more is coming, and wait for the client to leave. TLS has
        no half of a connection to close."""
        self.setTimeout(self.site.settings.linger_seconds)
        if ITCPTransport.providedBy(self.transport) and not ISSLTransport.providedBy(
            self.transport
        ):
            self.transport.loseWriteConnection()

    def loseConnection(self) -> None:
        """Close once all is sent, or after ``abortTimeout`` in any case."""
        if self._abortingCall is not None:
            return
        self.setTimeout(None)
        self._abortingCall = self.callLater(self.abortTimeout, self.forceAbortClient)
        super().loseConnection()
