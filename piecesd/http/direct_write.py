"""Connections that send at once while nothing waits to be sent.

Twisted buffers every write and sends it when the reactor next finds the socket
writable: two ``epoll_ctl`` calls and another turn of the reactor for each. The
pieces of a stream come one by one to a socket that is nearly always writable,
so sending them straight away saves most of what a piece costs. What the kernel
does not take is left to Twisted's buffer, and everything after it, so the
order holds and producers are paused as ever.
"""

import ipaddress
import os
import socket
from collections.abc import Iterable
from typing import Any, Protocol

from twisted.internet import tcp, unix
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IProtocolFactory,
    IReactorFDSet,
)
from twisted.python.failure import Failure

_TURN_SECONDS = 0.002


class _DirectWrites(tcp.Connection):
    """What sends at once, of a connection of either kind."""

    def write(self, data: bytes) -> None:
        """Send ``data``, or what of it the kernel takes, and buffer the rest."""
        if self._can_send_now():
            data = self._send(data)
        if data:
            super().write(data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """The same for parts, which are sent as one."""
        if self._can_send_now():
            self.write(b"".join(iovec))
        else:
            super().writeSequence(iovec)

    def _can_send_now(self) -> bool:
        """Whether nothing is buffered on a connection that still takes writes."""
        return bool(
            self.connected
            and not self.dataBuffer
            and not self._tempDataBuffer
            and not self.disconnecting
            and not self._writeDisconnecting
            and not self._writeDisconnected
            and not self.TLS
        )

    def _send(self, data: bytes) -> bytes:
        """Send once; what was not taken. A connection found lost takes nothing:
        the reactor meets the same error when it sends the buffer, and reports
        it from its own turn rather than from inside a caller's write."""
        if not data:
            return data
        sent = self.writeSomeData(data)
        if not isinstance(sent, int) or sent <= 0:
            return data
        return data[sent:]


class DirectServer(_DirectWrites, tcp.Server):
    """The server's end of a TCP connection."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.setTcpNoDelay(True)
        # A client that vanished without a word, while its answer is awaited.
        self.setTcpKeepAlive(True)


class DirectUnixServer(_DirectWrites, unix.Server):
    """The server's end of a connection to a socket file."""

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802
        """There is none here; Twisted before 24.10 would ask the system."""


class DirectPort(tcp.Port):
    """A listening port whose connections are DirectServers."""

    transport: type[tcp.Server] = DirectServer


class DirectUnixPort(unix.Port):
    """A socket file whose connections are DirectUnixServers. It never has more
    permissions than ``mode``, and may be gone when it is closed."""

    transport: type[unix.Server] = DirectUnixServer

    def startListening(self) -> None:  # noqa: N802
        umask = os.umask(~self.mode & 0o777)
        try:
            super().startListening()
        finally:
            os.umask(umask)

    def connectionLost(self, reason: Failure) -> None:
        try:
            super().connectionLost(reason)
        except FileNotFoundError:
            tcp.Port.connectionLost(self, reason)


class InheritedUnixPort(DirectUnixPort):
    """A socket file that somebody else has opened and looks after: neither its
    permissions nor the file are touched."""

    def __init__(
        self,
        listening_socket: socket.socket,
        factory: IProtocolFactory,
        reactor: IReactorFDSet,
        *,
        backlog: int,
    ) -> None:
        # Twisted leaves alone what begins with NUL, since it is no file.
        super().__init__(b"\0inherited", factory, backlog, reactor=reactor)
        self._preexistingSocket = listening_socket


def listen(
    reactor: IReactorFDSet, host: str, port: int, factory: IProtocolFactory, *, backlog: int = 1024
) -> IListeningPort:
    """Listen for TCP on an IP address; port 0 lets the system pick one.

    ``::`` takes IPv4 too, whatever the system's ``bindv6only`` says.

    :raises CannotListenError: the address can't be had.
    """
    listening = _DualStackPort if _is_any_ipv6(host) else DirectPort
    listening_port = listening(port, factory, backlog, host, reactor)
    listening_port.startListening()
    return listening_port


def bind(host: str, port: int, *, backlog: int = 1024) -> socket.socket:
    """A listening socket as `listen` makes it, from which nothing is accepted
    here: it is for other processes to `adopt`.

    :raises CannotListenError: the address can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server(
            (host, port), family=family, backlog=backlog, dualstack_ipv6=_is_any_ipv6(host)
        )
    except OSError as error:
        raise CannotListenError(host, port, error) from None
    bound.setblocking(False)
    return bound


class Turns(Protocol):
    """What processes that accept from one socket know of each other."""

    def set_connections(self, count: int) -> None:
        """Tell how many this one has."""

    def is_mine(self) -> bool:
        """Whether the next connection is for this one."""


def adopt(
    reactor: IReactorFDSet, fd: int, factory: IProtocolFactory, turns: Turns
) -> IListeningPort:
    """Accept connections from an inherited listening socket, among others.

    The one whose turn it is accepts at once. The others wait for two
    milliseconds and then take what is left, if the first one is too busy.
    """
    with socket.socket(fileno=os.dup(fd)) as inherited:
        family = inherited.family
    port = _SharedPort._fromListeningDescriptor(reactor, fd, family, factory)
    assert isinstance(port, _SharedPort)  # its type says less
    os.close(fd)  # the port has its own
    port.turns = turns
    port.startListening()
    return port


class _SharedServer(DirectServer):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        assert isinstance(self.server, _SharedPort)
        self._port = self.server
        self._port.count(1)

    def connectionLost(self, reason: Failure) -> None:
        super().connectionLost(reason)
        self._port.count(-1)


class _SharedPort(DirectPort):
    """One of several ports, in as many processes, on one socket."""

    transport = _SharedServer
    reactor: Any
    turns: Turns
    _turn: IDelayedCall | None = None
    _connections = 0

    @property
    def numberAccepts(self) -> int:  # noqa: N802 Twisted's name
        """One in a turn of the reactor, where Twisted's takes all there are."""
        return 1

    @numberAccepts.setter
    def numberAccepts(self, _count: int) -> None:  # noqa: N802
        """Twisted fits it to the load."""

    def count(self, change: int) -> None:
        """Note that so many connections came or went."""
        self._connections += change
        if self.connected:  # else a successor may be counting in this place
            self.turns.set_connections(self._connections)

    def doRead(self) -> None:
        if self.turns.is_mine():
            super().doRead()
        else:
            self.stopReading()
            self._turn = self.reactor.callLater(_TURN_SECONDS, self._take_turn)

    def connectionLost(self, reason: Failure) -> None:
        if self._turn is not None and self._turn.active():
            self._turn.cancel()
        super().connectionLost(reason)

    def _take_turn(self) -> None:
        if self.connected and not self.disconnecting:
            super().doRead()
            self.startReading()


class _DualStackPort(DirectPort):
    def createInternetSocket(self) -> socket.socket:
        listening_socket: socket.socket = super().createInternetSocket()
        listening_socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        return listening_socket


def _is_any_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host) == ipaddress.IPv6Address("::")
    except ValueError:
        return False
