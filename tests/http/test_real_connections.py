"""What only a real socket shows: resets, trickles, floods, and clients that do not read."""

from typing import Any, cast

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from piecesd.http.app import Api
from piecesd.http.settings import HttpSettings
from piecesd.http.site import ApiSite
from tests.http.scripted_completions import ANSWER, ScriptedCompletion, ScriptedCompletions
from tests.http.sockets import SocketClient, connect, listen, reactor, until
from tests.http.wire import chat_bytes, read_responses


class RealConnectionTests(TestCase):
    def setUp(self) -> None:
        self.completions = ScriptedCompletions()
        self.port = self.serve()

    def serve(self, **settings: Any) -> IListeningPort:
        api = Api(
            completions=cast(Any, self.completions),
            settings=HttpSettings(**settings),
            clock=reactor,
            version="9.9",
            pool_figures=dict,
            readiness=dict,
        )
        self.site = ApiSite(api, reactor)
        port = listen(self.site)
        self.addCleanup(self._stop, port, self.site)
        return port

    async def _stop(self, port: IListeningPort, site: ApiSite) -> None:
        await maybeDeferred(port.stopListening)
        for channel in tuple(site.connections):
            channel.forceAbortClient()
        await until(lambda: not site.connections)

    async def connect(self) -> SocketClient:
        client = await connect(self.port)
        self.addCleanup(self._leave, client)
        return client

    async def _leave(self, client: SocketClient) -> None:
        if not client.closed.called:
            client.reset()
        await client.closed

    async def stream_unread(self) -> tuple[SocketClient, ScriptedCompletion]:
        """Begin a stream whose client does not read."""
        client = await self.connect()
        client.read(False)
        client.transport.write(chat_bytes(stream=True))
        await until(lambda: self.completions.begun)
        return client, self.completions.begun[0]

    async def test_a_client_that_leaves_cancels_its_answer(self) -> None:
        for stream in (False, True):
            for orderly in (False, True):
                client = await self.connect()
                begun = len(self.completions.begun)
                client.transport.write(chat_bytes(stream=stream))
                await until(lambda begun=begun: len(self.completions.begun) > begun)
                completion = self.completions.begun[-1]
                if stream:
                    completion.give_text("a")
                    await until(lambda client=client: client.received)
                if orderly:
                    client.transport.loseConnection()
                else:
                    client.reset()
                await until(lambda completion=completion: completion.cancelled)

    async def test_a_client_that_does_not_read_stops_the_asking_and_can_still_leave(self) -> None:
        client, completion = await self.stream_unread()
        sent_bytes = 0
        completion.give_text("begin")
        while completion.waiting:
            completion.give_text("x" * 100_000)
            sent_bytes += 100_000
            self.assertLess(sent_bytes, 200_000_000)
        client.reset()
        await until(lambda: completion.cancelled)

    async def test_a_client_that_reads_again_gets_all_of_it(self) -> None:
        client, completion = await self.stream_unread()
        completion.give_text("begin")
        given = 0
        while completion.waiting:
            completion.give_text(f"{given:<100000}")
            given += 1
        client.read(True)
        await until(lambda: completion.waiting)
        completion.give_end()
        await until(lambda: client.received.endswith(b"0\r\n\r\n"))
        (response,) = read_responses(bytes(client.received))
        for number in range(given):
            self.assertIn(f'{{"content":"{number:<100000}"}}'.encode(), response.body)

    async def test_a_header_that_trickles_is_cut_off(self) -> None:
        self.port = self.serve(header_timeout_seconds=0.3)
        client = await self.connect()
        client.transport.write(b"GET /")
        while not client.closed.called:
            client.transport.write(b"x")
            await deferLater(reactor, 0.01)
        (response,) = read_responses(bytes(client.received))
        self.assertEqual(response.status, 408)

    async def test_a_client_that_keeps_sending_a_body_too_large_reads_why(self) -> None:
        self.port = self.serve(max_body_bytes=1000)
        client = await self.connect()
        client.read(False)
        body_bytes = 20_000_000
        client.transport.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: test\r\n"
            + f"content-length: {body_bytes}\r\n\r\n".encode()
            + bytes(body_bytes)
        )
        transport = client.transport
        await until(lambda: not (transport.dataBuffer or transport._tempDataBuffer))
        client.read(True)
        await client.closed
        (response,) = read_responses(bytes(client.received))
        self.assertEqual(response.status, 413)
        await until(lambda: not self.site.connections)

    async def test_many_requests_on_one_connection(self) -> None:
        self.completions.script = [ANSWER]
        client = await self.connect()
        client.transport.write(chat_bytes() * 50)
        await until(lambda: client.received.count(b"HTTP/1.1 200 OK") == 50)
        self.assertEqual(len(read_responses(bytes(client.received))), 50)
