import os
import socket
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from piecesd.http.direct_write import DirectServer, DirectUnixPort, adopt, bind, listen
from tests.http.sockets import SocketClient, connect, port_number, reactor, until

# More than is handed to the kernel at once, so some of it is always left.
MEGABYTE = bytes(range(256)) * 4096


class ServerEnd(Protocol):
    transport: DirectServer
    lost: Failure | None = None

    def connectionMade(self) -> None:
        self.factory.ends.append(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


class ServerFactory(Factory):
    protocol = ServerEnd
    noisy = False

    def __init__(self) -> None:
        self.ends: list[ServerEnd] = []


@implementer(IPushProducer)
class RecordingProducer:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


class DirectWriteTests(TestCase):
    def setUp(self) -> None:
        self.factory = ServerFactory()
        self.port = listen(reactor, "127.0.0.1", 0, self.factory)
        self.addCleanup(self.port.stopListening)

    async def connect(self) -> tuple[SocketClient, DirectServer]:
        """Both ends of a connection; the client does not read yet."""
        client = await connect(self.port)
        await until(lambda: self.factory.ends)
        self.addCleanup(self._leave, client)
        client.read(False)
        return client, self.factory.ends[-1].transport

    async def _leave(self, client: SocketClient) -> None:
        if not client.closed.called:
            client.reset()
        await until(lambda: client.closed.called and self.factory.ends[-1].lost)

    def assert_buffered(self, server: DirectServer, is_buffered: bool) -> None:
        self.assertEqual(bool(server.dataBuffer or server._tempDataBuffer), is_buffered)
        self.assertEqual(server in reactor.getWriters(), is_buffered)

    async def test_what_the_kernel_takes_is_sent_within_the_write(self) -> None:
        client, server = await self.connect()
        server.write(b"one,")
        server.writeSequence([b"two", b",", b"three"])
        self.assert_buffered(server, False)
        sent = client.transport.getHandle().recv(100, socket.MSG_PEEK)
        self.assertEqual(sent, b"one,two,three")

    async def test_what_it_does_not_take_follows_in_order(self) -> None:
        client, server = await self.connect()
        server.write(MEGABYTE)
        self.assert_buffered(server, True)
        server.write(b"second")
        server.writeSequence([b"third", b"fourth"])
        client.read(True)
        await until(lambda: len(client.received) >= len(MEGABYTE) + 17)
        self.assertEqual(client.received, MEGABYTE + b"secondthirdfourth")
        await until(lambda: not server.dataBuffer)
        server.write(b"fifth")
        self.assert_buffered(server, False)
        await until(lambda: client.received.endswith(b"fifth"))

    async def test_a_kernel_that_takes_nothing_is_tried_again_later(self) -> None:
        client, server = await self.connect()
        with_kernel = server.writeSomeData
        server.writeSomeData = lambda data: 0  # type: ignore[method-assign]
        server.write(b"later")
        self.assert_buffered(server, True)
        server.writeSomeData = with_kernel  # type: ignore[method-assign]
        server.write(b" on")
        client.read(True)
        await until(lambda: client.received == b"later on")

    async def test_a_lost_connection_is_reported_by_the_reactor_not_the_write(self) -> None:
        client, server = await self.connect()
        (end,) = self.factory.ends
        server.pauseProducing()
        client.reset()
        await client.closed
        server.write(b"to nobody")
        server.write(b"to nobody")
        self.assertIsNone(end.lost)
        await until(lambda: end.lost)
        server.write(b"after the end")

    async def test_a_producer_is_paused_while_the_client_does_not_read(self) -> None:
        client, server = await self.connect()
        producer = RecordingProducer()
        server.registerProducer(producer, True)
        server.write(b"small")
        self.assertEqual(producer.calls, [])
        server.write(MEGABYTE)
        self.assertEqual(producer.calls, ["pause"])
        client.read(True)
        await until(lambda: producer.calls == ["pause", "resume"])
        self.assertEqual(client.received, b"small" + MEGABYTE)
        server.unregisterProducer()

    async def test_a_closing_connection_sends_what_it_has_and_takes_no_more(self) -> None:
        client, server = await self.connect()
        server.write(MEGABYTE)
        server.loseConnection()
        client.read(True)
        await client.closed
        self.assertEqual(client.received, MEGABYTE)

    async def test_a_half_closed_connection_takes_no_more(self) -> None:
        client, server = await self.connect()
        server.write(b"last")
        server.loseWriteConnection()
        await until(lambda: server._writeDisconnected)
        server.write(b" and more")
        client.read(True)
        await client.closed
        self.assertEqual(client.received, b"last")

    async def test_nothing_is_sent_for_nothing(self) -> None:
        _, server = await self.connect()
        server.write(b"")
        server.writeSequence([])
        self.assert_buffered(server, False)


class ListenTests(TestCase):
    def listen(self, host: str, port: int = 0) -> IListeningPort:
        listening = listen(reactor, host, port, ServerFactory())
        self.addCleanup(listening.stopListening)
        return listening

    def test_a_port_that_is_taken_is_refused(self) -> None:
        taken = port_number(self.listen("127.0.0.1"))
        self.assertRaises(CannotListenError, self.listen, "127.0.0.1", taken)

    async def test_all_of_ipv6_is_all_of_ipv4_too(self) -> None:
        try:
            listening = self.listen("::")
        except CannotListenError as error:
            self.skipTest(f"no IPv6 here: {error}")
        client = await connect(listening)
        client.transport.loseConnection()
        await client.closed

    async def test_connections_send_small_pieces_at_once(self) -> None:
        listening = self.listen("127.0.0.1")
        client = await connect(listening)
        ends: Any = listening.factory.ends  # type: ignore[attr-defined]
        await until(lambda: ends)
        self.assertTrue(ends[0].transport.getTcpNoDelay())
        client.transport.loseConnection()
        await client.closed
        await until(lambda: ends[0].lost)


class UnixTests(TestCase):
    async def test_a_socket_file_sends_at_once_too(self) -> None:
        factory = ServerFactory()
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "socket")
            port = DirectUnixPort(bytes(path), factory, mode=0o600, reactor=reactor)
            port.startListening()
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(bytes(path))
                await until(lambda: factory.ends)
                server = factory.ends[0].transport
                server.writeSequence([b"one,", b"two"])
                self.assertNotIn(server, reactor.getWriters())
                self.assertEqual(client.recv(100), b"one,two")
            await until(lambda: factory.ends[0].lost)
            await maybeDeferred(port.stopListening)
            self.assertFalse(path.exists())


class FakeTurns:
    """Says whose turn it is as it is told."""

    def __init__(self, *, mine: bool) -> None:
        self.mine = mine
        self.connections = 0

    def set_connections(self, count: int) -> None:
        self.connections = count

    def is_mine(self) -> bool:
        return self.mine


class AdoptTests(TestCase):
    """Two ports on one socket, as two workers have them."""

    def setUp(self) -> None:
        self.socket = bind("127.0.0.1", 0)
        self.addCleanup(self.socket.close)

    def adopt(self, *, mine: bool) -> tuple[IListeningPort, FakeTurns]:
        turns = FakeTurns(mine=mine)
        port = adopt(reactor, os.dup(self.socket.fileno()), ServerFactory(), turns)
        self.addCleanup(port.stopListening)
        return port, turns

    async def client_of(self, port: IListeningPort) -> SocketClient:
        client = await connect(port)
        self.addCleanup(self.leave, client)
        return client

    async def leave(self, client: SocketClient) -> None:
        client.transport.abortConnection()
        await client.closed

    async def test_connections_are_for_the_one_whose_turn_it_is(self) -> None:
        (port, first), (_, second) = self.adopt(mine=True), self.adopt(mine=False)
        for _ in range(5):
            await self.client_of(port)
        await until(lambda: first.connections + second.connections == 5)
        self.assertEqual((first.connections, second.connections), (5, 0))

    async def test_where_it_does_not_take_them_another_does(self) -> None:
        port, turns = self.adopt(mine=False)
        for _ in range(3):
            await self.client_of(port)
        await until(lambda: turns.connections == 3)

    async def test_those_that_are_gone_are_not_counted(self) -> None:
        port, turns = self.adopt(mine=True)
        client = await self.client_of(port)
        await until(lambda: turns.connections == 1)
        await self.leave(client)
        await until(lambda: turns.connections == 0)

    async def test_one_that_stops_listening_leaves_the_socket_to_the_others(self) -> None:
        (port, _), (other, turns) = self.adopt(mine=True), self.adopt(mine=False)
        await maybeDeferred(port.stopListening)
        await self.client_of(other)
        await until(lambda: turns.connections == 1)

    def test_an_address_that_is_taken_is_refused(self) -> None:
        taken = self.socket.getsockname()[1]
        self.assertRaises(CannotListenError, bind, "127.0.0.1", taken)
