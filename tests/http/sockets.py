"""Real sockets: a port on this machine, and a client that reads only when told to."""

from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from piecesd.config import ListenEndpoint
from piecesd.http.ports import serve
from piecesd.http.sockets import open_sockets

reactor: Any = _reactor


class SocketClient(Protocol):
    """Collects what it reads; ``closed`` fires when the connection is over."""

    transport: Any

    def __init__(self) -> None:
        self.received = bytearray()
        self.closed: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed.callback(None)

    def read(self, reading: bool) -> None:
        (self.transport.resumeProducing if reading else self.transport.pauseProducing)()

    def reset(self) -> None:
        """Leave with a TCP reset."""
        self.transport.abortConnection()


def listen(factory: IProtocolFactory, host: str = "127.0.0.1") -> IListeningPort:
    """Serve ``factory`` on a port that the system picks."""
    (listening,) = open_sockets([ListenEndpoint.tcp(host, 0)])
    try:
        return serve(reactor, listening, factory)
    finally:
        listening.close()


def port_number(port: IListeningPort) -> int:
    """The TCP port it listens on."""
    address: Any = port.getHost()
    number: int = address.port
    return number


async def connect(port: IListeningPort) -> SocketClient:
    """Connect to a port that listens on this machine."""
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port_number(port))
    client: SocketClient = await connectProtocol(endpoint, SocketClient())
    return client


async def until(condition: Any, timeout_seconds: float = 10) -> None:
    """Let the reactor turn until ``condition()`` holds.

    :raises AssertionError: it did not within the time.
    """
    deadline = reactor.seconds() + timeout_seconds
    while not condition():
        assert reactor.seconds() < deadline, "it did not happen in time"
        await deferLater(reactor, 0.005)
