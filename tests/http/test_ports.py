import socket
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from piecesd.config import ListenEndpoint
from piecesd.http import ports
from piecesd.http.ports import serve
from piecesd.http.sockets import ListeningSocket, open_sockets
from tests.http.sockets import reactor, until

LOOPBACK = "tcp:0:interface=127.0.0.1"


class ServerFactory(Factory):
    protocol = Protocol
    noisy = False


class FakeTurns:
    """Says whose turn it is as it is told."""

    def __init__(self, *, mine: bool) -> None:
        self.mine = mine
        self.connections = 0

    def add_connections(self, change: int) -> None:
        self.connections += change

    def is_mine(self) -> bool:
        return self.mine

    def leave(self) -> None:
        raise AssertionError("ports leave that to whoever closes them all")


class PortsTests(TestCase):
    """Several ports on one socket, as workers have them; each of a TCP socket
    and of a socket file."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name, "socket")
        self.sockets = open_sockets(
            map(ListenEndpoint.parse, (LOOPBACK, f"unix:{self.path}:backlog=7"))
        )
        for each in self.sockets:
            self.addCleanup(each.close)

    def serve(self, listening: ListeningSocket, turns: FakeTurns | None) -> IListeningPort:
        port = serve(reactor, listening, ServerFactory(), turns)
        self.addCleanup(port.stopListening)
        return port

    def two_workers(self, listening: ListeningSocket) -> tuple[FakeTurns, FakeTurns]:
        first, second = FakeTurns(mine=True), FakeTurns(mine=False)
        self.serve(listening, first)
        self.serve(listening, second)
        return first, second

    def connect(self, listening: ListeningSocket) -> socket.socket:
        client = socket.socket(listening.socket.family)
        self.addCleanup(client.close)
        client.settimeout(5)
        client.connect(listening.socket.getsockname())
        return client

    async def until_all_are_gone(self, *turns: FakeTurns) -> None:
        await until(lambda: not any(each.connections for each in turns))

    async def test_connections_are_for_the_one_whose_turn_it_is(self) -> None:
        # Here both live in one thread, which may be held up for longer than a turn.
        self.patch(ports, "_TURN_SECONDS", 60.0)
        for listening in self.sockets:
            first, second = self.two_workers(listening)
            clients = [self.connect(listening) for _ in range(5)]
            await until(lambda: first.connections + second.connections == 5)  # noqa: B023
            self.assertEqual((first.connections, second.connections), (5, 0))
            for client in clients:
                client.close()
            await self.until_all_are_gone(first)

    async def test_where_it_does_not_take_them_another_does(self) -> None:
        for listening in self.sockets:
            turns = FakeTurns(mine=False)
            self.serve(listening, turns)
            clients = [self.connect(listening) for _ in range(3)]
            await until(lambda: turns.connections == 3)  # noqa: B023
            for client in clients:
                client.close()
            await self.until_all_are_gone(turns)

    async def test_connections_are_counted_over_all_ports_of_a_worker(self) -> None:
        turns = FakeTurns(mine=True)
        for listening in self.sockets:
            self.serve(listening, turns)
        clients = [self.connect(listening) for listening in self.sockets * 2]
        await until(lambda: turns.connections == 4)
        clients[0].close()
        await until(lambda: turns.connections == 3)
        for client in clients:
            client.close()
        await self.until_all_are_gone(turns)

    async def test_one_that_stops_listening_leaves_the_socket_to_the_others(self) -> None:
        for listening in self.sockets:
            for turns in (None, FakeTurns(mine=True)):
                port = self.serve(listening, turns)
                await maybeDeferred(port.stopListening)
            turns = FakeTurns(mine=False)
            self.serve(listening, turns)
            client = self.connect(listening)
            await until(lambda: turns.connections == 1)  # noqa: B023
            client.close()
            await self.until_all_are_gone(turns)
        self.assertTrue(self.path.exists())

    async def test_a_port_outlives_the_socket_it_was_made_of(self) -> None:
        listening, _ = self.sockets
        address = listening.socket.getsockname()
        port: Any = self.serve(listening, None)
        listening.close()
        with socket.create_connection(address, timeout=5):
            await until(lambda: port.sessionno == 1)
        await until(lambda: not [each for each in reactor.getReaders() if is_served(each)])


def is_served(reader: Any) -> bool:
    """Whether it is a connection that a port has accepted."""
    return isinstance(getattr(reader, "protocol", None), Protocol)
