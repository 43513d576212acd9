import socket
import tempfile
from pathlib import Path

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from piecesd.config import ListenEndpoint
from piecesd.http.direct_write import DirectServer
from piecesd.http.ports import serve
from piecesd.http.sockets import open_sockets
from tests.http.sockets import SocketClient, connect, listen, reactor, until

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
        self.port = listen(self.factory)
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
        # What the system still holds of it when the producer may go on comes later.
        await until(lambda: len(client.received) == len(b"small" + MEGABYTE))
        self.assertEqual(client.received, b"small" + MEGABYTE)
        self.assertEqual(producer.calls, ["pause", "resume"])
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

    async def test_small_pieces_wait_for_no_others(self) -> None:
        _, server = await self.connect()
        self.assertTrue(server.getTcpNoDelay())


class UnixTests(TestCase):
    async def test_a_socket_file_sends_at_once_too(self) -> None:
        factory = ServerFactory()
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "socket")
            (listening,) = open_sockets([ListenEndpoint.parse(f"unix:{path}")])
            self.addCleanup(listening.close)
            self.addCleanup(serve(reactor, listening, factory).stopListening)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(bytes(path))
                await until(lambda: factory.ends)
                server = factory.ends[0].transport
                server.writeSequence([b"one,", b"two"])
                self.assertNotIn(server, reactor.getWriters())
                self.assertEqual(client.recv(100), b"one,two")
            await until(lambda: factory.ends[0].lost)
