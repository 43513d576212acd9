"""The relay between a real gRPC client and a real HTTP server."""

import json
from collections.abc import Callable
from typing import Any

import grpc
from twisted.internet import reactor as installed_reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from piecesd.embedded.relay import MAX_WAITING_BYTES
from piecesd.embedded.service import EmbeddedUpstreamService, make_model
from piecesd.families import Reply
from tests.integration.grpc_calls import FamilyClient

reactor: Any = installed_reactor

SOON_SECONDS = 1.0
DONE = b"data: [DONE]\n\n"


def delta(content: str, finish_reason: str | None = None) -> bytes:
    choice = {"delta": {"content": content}, "finish_reason": finish_reason}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


class CompletionsServer(Resource):
    """``/v1/chat/completions``, which ``respond`` answers."""

    isLeaf = True  # noqa: N815 Twisted's name

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[str, dict[str, Any], str | None]] = []
        self.disconnects = 0
        self.respond: Callable[[Request], None] = lambda request: request.finish()

    def render_POST(self, request: Any) -> int:
        key = request.getHeader("authorization")
        body = json.loads(request.content.read())
        self.requests.append((request.path.decode(), body, key))
        request.notifyFinish().addErrback(self._disconnected)
        request.setHeader("content-type", "text/event-stream")
        self.respond(request)
        return NOT_DONE_YET

    def _disconnected(self, reason: object) -> None:
        self.disconnects += 1


def answer_with(
    *chunks: bytes, status: int = 200, finish: bool = True
) -> Callable[[Request], None]:
    """Writes ``chunks``, and leaves the response open unless it is to finish."""

    def respond(request: Any) -> None:
        request.setResponseCode(status)
        for chunk in chunks:
            request.write(chunk)
        if finish:
            request.finish()

    return respond


class RelayTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.http = CompletionsServer()
        listening = reactor.listenTCP(0, Site(self.http), interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        self.start(listening.getHost().port)

    def start(self, http_port: int) -> None:
        """A relay to ``http_port`` and a client of each family."""
        model = make_model(
            echo_delay_seconds=0,
            relay_base_url=f"http://127.0.0.1:{http_port}/v1",
            relay_api_key="sk-there",
            relay_model_map={"test-model": "llama3"},
            reactor=reactor,
        )
        self.service = EmbeddedUpstreamService(model, reactor=reactor)
        self.service.startService()
        self.gpt = FamilyClient("gpt", self.service.port)
        self.vertex = FamilyClient("vertex", self.service.port)
        self.addCleanup(self.service.stopService)
        self.addCleanup(self.vertex.close)
        self.addCleanup(self.gpt.close)

    async def becomes(self, condition: Callable[[], bool]) -> None:
        """Fails unless ``condition`` comes true within a second."""
        for _ in range(100):
            if condition():
                return
            await deferLater(reactor, SOON_SECONDS / 100)
        raise self.failureException("it did not happen within a second")

    def stream(self, client: FamilyClient) -> Deferred[list[Reply]]:
        return deferToThread(lambda: list(client.stream("hello")))

    async def failing_status(self, client: FamilyClient) -> grpc.StatusCode:
        """The status that a stream ends with, whatever came before."""
        error: Any = await self.assertFailure(self.stream(client), grpc.RpcError)
        code: grpc.StatusCode = error.code()
        return code

    async def test_both_services_stream_what_the_server_streams(self) -> None:
        self.http.respond = answer_with(delta("Hel"), delta("lo", "stop"), DONE)
        expected = [Reply(200, "Hel", True), Reply(200, "lo", True), Reply(204, "", True)]
        self.assertEqual(await self.stream(self.gpt), expected)
        self.assertEqual(await self.stream(self.vertex), expected)

    async def test_both_services_give_the_whole_answer(self) -> None:
        self.http.respond = answer_with(delta("Hel"), delta("lo", "stop"), DONE)
        for client in (self.gpt, self.vertex):
            reply = await deferToThread(client.predict, "hello")
            self.assertEqual(reply, Reply(200, "Hello", True))

    async def test_the_server_is_asked_for_its_own_model_with_the_key(self) -> None:
        self.http.respond = answer_with(DONE)
        await self.stream(self.gpt)
        path, body, key = self.http.requests[0]
        self.assertEqual(path, "/v1/chat/completions")
        self.assertEqual(key, "Bearer sk-there")
        self.assertEqual(body["model"], "llama3")
        self.assertEqual(body["messages"], [{"role": "user", "content": "hello"}])

    async def test_pieces_arrive_while_the_server_still_answers(self) -> None:
        self.http.respond = answer_with(delta("first"), finish=False)
        call = self.gpt.open_stream("hello")
        raw = await deferToThread(next, call)
        self.assertEqual(self.gpt.family.decode(raw).text, "first")
        call.cancel()
        await self.becomes(lambda: self.http.disconnects == 1)

    async def test_cancelling_the_call_closes_the_request_before_it_is_answered(self) -> None:
        self.http.respond = answer_with(finish=False)
        starts = (self.gpt.start_predict, self.vertex.open_stream)
        for start in starts:
            call = start("hello")
            await self.becomes(lambda: len(self.http.requests) == self.http.disconnects + 1)
            call.cancel()
            await self.becomes(lambda: len(self.http.requests) == self.http.disconnects)
        self.assertEqual(len(self.http.requests), len(starts))
        self.assertEqual(self.service.counts.cancelled, len(starts))

    async def test_stopping_closes_the_requests_that_run(self) -> None:
        self.http.respond = answer_with(delta("first"), finish=False)
        call = self.gpt.open_stream("hello")
        await deferToThread(next, call)
        began = reactor.seconds()
        await self.service.stopService()
        self.assertLess(reactor.seconds() - began, SOON_SECONDS)
        await self.becomes(lambda: self.http.disconnects == 1)

    async def test_a_client_that_reads_nothing_holds_the_server_back(self) -> None:
        chunk = delta("x" * 10_000)
        written_bytes = 0

        class Endless:
            """Writes as fast as the connection takes it."""

            def __init__(self, request: Any) -> None:
                self._request = request
                request.registerProducer(self, False)

            def resumeProducing(self) -> None:
                nonlocal written_bytes
                written_bytes += len(chunk)
                self._request.write(chunk)

            def stopProducing(self) -> None:
                self._request.unregisterProducer()

        def respond(request: Any) -> None:
            Endless(request)

        self.http.respond = respond
        call = self.gpt.open_stream("hello")
        await deferToThread(next, call)
        await self.becomes(lambda: written_bytes > MAX_WAITING_BYTES)
        seen_bytes = -1
        while seen_bytes != written_bytes:  # until everything on the way is full
            seen_bytes = written_bytes
            await deferLater(reactor, 0.3)
        self.assertLess(written_bytes, 50_000_000)
        held_back = seen_bytes // len(chunk)
        await deferToThread(lambda: [next(call) for _ in range(held_back)])
        await self.becomes(lambda: written_bytes > seen_bytes)
        call.cancel()
        await self.becomes(lambda: self.http.disconnects == 1)

    async def test_an_http_error_is_a_failing_response_code(self) -> None:
        for status in (429, 503):
            self.http.respond = answer_with(status=status)
            self.assertEqual(await self.stream(self.gpt), [Reply(status, "", False)])

    async def test_an_http_status_that_is_no_answer_and_no_error_is_a_bad_gateway(self) -> None:
        self.http.respond = answer_with(status=204)
        self.assertEqual(await self.stream(self.gpt), [Reply(502, "", False)])

    async def test_an_answer_that_is_cut_fails_after_its_pieces(self) -> None:
        self.http.respond = answer_with(delta("first"))
        replies = self.gpt.stream("hello")
        self.assertEqual((await deferToThread(next, replies)).text, "first")
        failure: Any = await self.assertFailure(deferToThread(next, replies), grpc.RpcError)
        self.assertIs(failure.code(), grpc.StatusCode.INTERNAL)

    async def test_a_connection_that_is_lost_fails_the_call(self) -> None:
        def respond(request: Any) -> None:
            request.write(delta("first"))
            reactor.callLater(0.05, request.channel.transport.abortConnection)

        self.http.respond = respond
        self.assertIs(await self.failing_status(self.gpt), grpc.StatusCode.INTERNAL)

    async def test_an_answer_is_whole_after_a_finish_reason_even_without_done(self) -> None:
        self.http.respond = answer_with(delta("all", "stop"))
        self.assertEqual(
            await self.stream(self.vertex), [Reply(200, "all", True), Reply(204, "", True)]
        )

    async def test_what_is_no_event_stream_fails_the_call(self) -> None:
        def respond(request: Any) -> None:
            request.setHeader("content-type", "text/html")
            request.write(b"<p>hello")
            request.finish()

        self.http.respond = respond
        self.assertIs(await self.failing_status(self.gpt), grpc.StatusCode.INTERNAL)

    async def test_events_that_are_no_chunks_fail_the_call(self) -> None:
        self.http.respond = answer_with(b"data: {\n\n", finish=False)
        self.assertIs(await self.failing_status(self.gpt), grpc.StatusCode.INTERNAL)
        await self.becomes(lambda: self.http.disconnects == 1)

    async def test_a_server_that_is_not_there_is_unavailable(self) -> None:
        unused = reactor.listenTCP(0, Site(self.http), interface="127.0.0.1")
        port = unused.getHost().port
        await unused.stopListening()
        await self.service.stopService()
        self.start(port)
        self.assertIs(await self.failing_status(self.gpt), grpc.StatusCode.UNAVAILABLE)
