"""One request of an ASGI server's, through the same channel as any other."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers

from piecesd.asgi.messages import (
    HOP_BY_HOP,
    LAST_CHUNK,
    chunk,
    has_length,
    peer,
    request_header,
)
from piecesd.asgi.transport import HostedTransport
from piecesd.errors import MalformedHttp
from piecesd.http.channel import ApiChannel
from piecesd.http.framing import NotHttp
from piecesd.http.request import ApiRequest
from piecesd.http.site import ApiSite

if TYPE_CHECKING:
    from piecesd.asgi.messages import Message, Receive, Scope, Send

_SERVERS_OWN = HOP_BY_HOP | {b"date", b"server"}
"""What the server says itself in each response."""


class HostedRequest(ApiRequest):
    """A request whose answer the server frames."""

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        # In HTTP/1.0 an answer has no chunks: it ends where the connection does.
        super().requestReceived(command, path, b"HTTP/1.0")


class HostedChannel(ApiChannel):
    """Reads bytes, within the same times and sizes; answers in messages."""

    transport: HostedTransport

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        self.transport.write_start(
            int(code),
            [
                (name.lower(), value)
                for name, values in headers.getAllRawHeaders()
                if name.lower() not in _SERVERS_OWN
                for value in values
            ],
        )

    def _linger(self) -> None:
        """What the client still sends is the server's affair."""
        self.loseConnection()


class HostedSite(ApiSite):
    """Makes a channel for every request."""

    protocol = HostedChannel
    requestFactory = HostedRequest  # noqa: N815


async def exchange(site: ApiSite, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request.

    :param site: a `HostedSite`.
    Returns once the response is sent, or will not be: its client has left, or it
    was broken off. Being cancelled is the client's leave, too.
    """
    transport = HostedTransport(peer(scope))
    channel: HostedChannel = site.buildProtocol(peer(scope))
    channel.makeConnection(transport)
    reading = asyncio.create_task(_read(channel, transport, scope, receive))
    try:
        with suppress(OSError):  # the client is gone
            await transport.send_response(send)
    finally:
        reading.cancel()
        transport.close()
        channel.connectionLost(Failure(ConnectionLost()))
    await asyncio.wait([reading])
    if not reading.cancelled():
        reading.result()


async def _read(
    channel: HostedChannel, transport: HostedTransport, scope: Scope, receive: Receive
) -> None:
    """Hand the request on; then wait until the client leaves."""
    try:
        message = await receive()
        chunked = not has_length(scope) and _has_body(message)
        try:
            data = request_header(scope, chunked=chunked)
        except NotHttp:
            channel.refuse(MalformedHttp())
        else:
            while message["type"] == "http.request":
                channel.dataReceived(data + _framed(message, chunked=chunked))
                data = b""
                message = await receive()
        while message["type"] != "http.disconnect":
            message = await receive()
    finally:
        transport.close()


def _has_body(first: Message) -> bool:
    return bool(first.get("body") or first.get("more_body"))


def _framed(message: Message, *, chunked: bool) -> bytes:
    body: bytes = message.get("body", b"")
    if not chunked:
        return body
    framed = chunk(body) if body else b""
    return framed if message.get("more_body") else framed + LAST_CHUNK
