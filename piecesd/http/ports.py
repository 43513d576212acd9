"""Accepts connections from sockets that listen, alone or among other processes.

Of several processes with one socket, the one whose turn it is accepts at once.
The others wait for two milliseconds and then take what is left, if the first
one is too busy.
"""

import os
from typing import Any, Protocol

from twisted.internet import tcp, unix
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IProtocolFactory,
    IReactorFDSet,
)
from twisted.python.failure import Failure

from piecesd.http.direct_write import DirectServer, DirectUnixServer
from piecesd.http.sockets import ListeningSocket

_TURN_SECONDS = 0.002


class Turns(Protocol):
    """What processes that accept from the same sockets know of each other."""

    def add_connections(self, change: int) -> None:
        """Note that so many came to this one, or went where it is negative."""

    def is_mine(self) -> bool:
        """Whether the next connection is for this one."""

    def leave(self) -> None:
        """Take part no more: another process may have this one's place."""


def serve(
    reactor: IReactorFDSet,
    listening: ListeningSocket,
    factory: IProtocolFactory,
    turns: Turns | None = None,
) -> IListeningPort:
    """Accept connections for ``factory``. The port has a copy of the socket.

    :param turns: one for all ports of this process; None where it does not
        matter who accepts.
    """
    is_file = listening.host is None
    port: tcp.Port
    if turns is None:
        port = (DirectUnixPort if is_file else DirectPort)(reactor, listening, factory)
    else:
        by_turns = (_UnixPortByTurns if is_file else _PortByTurns)(reactor, listening, factory)
        by_turns.turns = turns
        port = by_turns
    port.startListening()
    return port


class DirectPort(tcp.Port):
    """Its connections are DirectServers."""

    transport: type[tcp.Server] = DirectServer

    def __init__(
        self, reactor: IReactorFDSet, listening: ListeningSocket, factory: IProtocolFactory
    ) -> None:
        super().__init__(0, factory, interface=listening.host or "", reactor=reactor)
        self._preexistingSocket = listening.socket.dup()


class DirectUnixPort(unix.Port):
    """Its connections are DirectUnixServers. The socket file is not touched."""

    transport: type[unix.Server] = DirectUnixServer

    def __init__(
        self, reactor: IReactorFDSet, listening: ListeningSocket, factory: IProtocolFactory
    ) -> None:
        # Twisted neither sets the mode of what begins with NUL, nor removes it.
        name = b"\0" + os.fsencode(listening.socket.getsockname())
        super().__init__(name, factory, listening.endpoint.place.backlog, reactor=reactor)
        self._preexistingSocket = listening.socket.dup()
        self._shouldShutdown = False  # others may go on to listen


class _ByTurns(tcp.Port):
    """One of several ports, in as many processes, on one socket."""

    reactor: Any
    turns: Turns
    _turn: IDelayedCall | None = None

    @property
    def numberAccepts(self) -> int:  # noqa: N802 Twisted's name
        """One in a turn of the reactor, where Twisted's takes all there are."""
        return 1

    @numberAccepts.setter
    def numberAccepts(self, _count: int) -> None:  # noqa: N802
        """Twisted fits it to the load."""

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


class _Counted(tcp.Server):
    """A connection that others are told of while it lasts."""

    server: _ByTurns

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.server.turns.add_connections(1)

    def connectionLost(self, reason: Failure) -> None:
        super().connectionLost(reason)
        self.server.turns.add_connections(-1)


class _CountedServer(_Counted, DirectServer):
    pass


class _CountedUnixServer(_Counted, DirectUnixServer):
    pass


class _PortByTurns(_ByTurns, DirectPort):
    transport = _CountedServer


class _UnixPortByTurns(_ByTurns, DirectUnixPort):
    transport = _CountedUnixServer
