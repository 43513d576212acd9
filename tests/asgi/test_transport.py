import asyncio
from collections.abc import Coroutine
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from piecesd.asgi.transport import HostedTransport
from tests.asgi.server import turns

PEER = IPv4Address("TCP", "192.0.2.7", 4321)


class Producer:
    """Keeps what it is told, and writes when it is resumed, if it is to."""

    def __init__(self, transport: HostedTransport) -> None:
        self.told: list[str] = []
        self.left: list[bytes] = []
        self._transport = transport

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")
        while self.left and self.told[-1] == "resume":
            self._transport.write(self.left.pop(0))


class SlowServer:
    """Takes a message when `take` is called."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self._room = asyncio.Semaphore(0)

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        await self._room.acquire()

    async def take(self, count: int = 1) -> None:
        for _ in range(count):
            self._room.release()
            await turns()

    @property
    def bodies(self) -> list[bytes]:
        return [message["body"] for message in self.sent[1:]]


class TransportTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.transport = HostedTransport(PEER)
        self.producer = Producer(self.transport)
        self.transport.registerProducer(self.producer, True)

    def run_with_server(self, steps: Any) -> SlowServer:
        """Run ``steps(server)`` while the response is sent to a slow server."""

        async def run() -> SlowServer:
            server = SlowServer()
            sending = asyncio.create_task(self.transport.send_response(server.send))
            await steps(server)
            await asyncio.wait_for(sending, 5)
            return server

        coroutine: Coroutine[Any, Any, SlowServer] = run()
        return asyncio.run(coroutine)

    def test_it_is_what_a_channel_wants(self) -> None:
        for interface in (ITransport, IConsumer, IPushProducer):
            verifyObject(interface, self.transport)
        self.assertEqual(self.transport.getPeer(), PEER)

    def test_each_write_is_a_message_at_once(self) -> None:
        async def steps(server: SlowServer) -> None:
            self.transport.write_start(200, [(b"a", b"1")])
            await server.take()
            for piece in (b"one", b"two"):
                self.transport.write(piece)
                await turns()
                self.assertEqual(server.bodies[-1], piece)
                self.assertTrue(server.sent[-1]["more_body"])
                await server.take()
            self.transport.loseConnection()
            await server.take()

        server = self.run_with_server(steps)
        self.assertEqual(
            server.sent[0],
            {"type": "http.response.start", "status": 200, "headers": [(b"a", b"1")]},
        )
        self.assertEqual(server.bodies, [b"one", b"two", b""])
        self.assertFalse(server.sent[-1]["more_body"])
        self.assertEqual(self.producer.told, [])

    def test_the_end_of_a_response_goes_with_its_last_bytes(self) -> None:
        async def steps(server: SlowServer) -> None:
            self.transport.write_start(200, [])
            self.transport.writeSequence([b"all", b" of it"])
            self.transport.loseConnection()
            await server.take(2)

        server = self.run_with_server(steps)
        self.assertEqual(server.bodies, [b"all of it"])
        self.assertFalse(server.sent[-1]["more_body"])

    def test_the_producer_pauses_while_a_message_is_being_taken(self) -> None:
        async def steps(server: SlowServer) -> None:
            self.transport.write_start(200, [])
            await server.take()
            self.transport.write(b"one")
            await turns()
            self.assertEqual(self.producer.told, [])
            self.transport.write(b"two")
            self.transport.write(b"three")
            self.assertEqual(self.producer.told, ["pause"])
            await server.take()
            self.assertEqual(server.bodies, [b"one", b"twothree"])
            self.assertEqual(self.producer.told, ["pause"])
            await server.take()
            self.assertEqual(self.producer.told, ["pause", "resume"])
            self.transport.loseConnection()
            await server.take()

        self.run_with_server(steps)

    def test_what_a_resumed_producer_writes_is_sent(self) -> None:
        async def steps(server: SlowServer) -> None:
            self.transport.write_start(200, [])
            await turns()
            self.transport.write(b"one")
            self.producer.left = [b"two", b"three"]
            await server.take(4)
            self.transport.loseConnection()
            await server.take(2)

        server = self.run_with_server(steps)
        self.assertEqual(b"".join(server.bodies), b"onetwothree")

    def test_a_response_that_is_broken_off_has_no_last_message(self) -> None:
        async def steps(server: SlowServer) -> None:
            self.transport.write_start(200, [])
            self.transport.write(b"one")
            await server.take(2)
            self.transport.write(b"lost")
            self.transport.abortConnection()
            self.transport.write(b"lost, too")

        server = self.run_with_server(steps)
        self.assertEqual(server.bodies, [b"one"])
        self.assertTrue(server.sent[-1]["more_body"])
