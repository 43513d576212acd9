"""Connections that come through a proxy which speaks the PROXY protocol."""

import ipaddress
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

from piecesd.http.proxy_header import NotAProxyHeader, ProxyHeader, read_proxy_header


class ProxiedConnection(ProtocolWrapper):
    """Takes the PROXY header off; from then on the peer is the one it names.

    Its time is that of the first request's header, which the wrapped channel
    watches over. A connection without one is dropped without a word: whoever
    sent it is not the proxy.
    """

    transport: Any
    _log = Logger()

    def __init__(self, factory: Any, wrapped: Any) -> None:
        super().__init__(factory, wrapped)
        self._header: ProxyHeader | None = None
        self._received = b""

    def dataReceived(self, data: bytes) -> None:
        if self._header is not None:
            self.wrappedProtocol.dataReceived(data)
            return
        self._received += data
        try:
            self._header = read_proxy_header(self._received)
        except NotAProxyHeader:
            self._received = b""
            self._log.info(
                "Dropped a connection from {peer}: it did not begin with a PROXY header",
                peer=self.transport.getPeer(),
            )
            self.transport.abortConnection()
            return
        if self._header is not None:
            rest, self._received = self._received[self._header.length_bytes :], b""
            if rest:
                self.wrappedProtocol.dataReceived(rest)

    def getPeer(self) -> IAddress:  # noqa: N802
        if self._header is None or self._header.source is None:
            peer: IAddress = self.transport.getPeer()
            return peer
        address, port = self._header.source
        kind = IPv4Address if isinstance(address, ipaddress.IPv4Address) else IPv6Address
        return kind("TCP", str(address), port)


class ProxiedFactory(WrappingFactory):
    """Has a factory's connections begin with a PROXY header."""

    protocol = ProxiedConnection
    noisy = False
