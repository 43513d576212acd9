"""The upstream client over real gRPC: channels, bridge, threads and all."""

import gc
from pathlib import Path
from typing import Any

import grpc
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.python.threadpool import ThreadPool

from piecesd.chat import ChatRequest, Message
from piecesd.config import UpstreamAddress
from piecesd.errors import (
    UpstreamBroken,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from piecesd.families import FAMILIES
from piecesd.process import daemon_threads
from piecesd.upstream import grpc_private
from piecesd.upstream.bridge import Bridge
from piecesd.upstream.channels import ChannelPool, connector
from piecesd.upstream.client import CLOSE_GRACE_SECONDS, GrpcPieceStream, GrpcUpstream, stub_maker
from piecesd.upstream.endpoints import Endpoint, Endpoints, Route
from piecesd.upstream.service import UpstreamService
from tests.integration.far_end import FarCall, FarEnd, reply
from tests.upstream.contract import REQUEST, RemoteCall, UpstreamCase, UpstreamContract

GPT = FAMILIES["gpt"]


class ClientCase(UpstreamCase):
    """A client of a server in this process, on channels of its own."""

    channels = 1
    clock: Any = reactor

    def setUp(self) -> None:
        self.far_end = FarEnd(self.clock)
        self.addCleanup(self.far_end.stop)
        self.threads: ThreadPool = daemon_threads("bridge", 50)
        self.bridge = Bridge(
            self.clock.callFromThread, self.threads, max_streams=50, clock=self.clock
        )
        address = UpstreamAddress(host="127.0.0.1", port=self.far_end.port, tls=False)
        self.pool = ChannelPool(
            "gpt",
            connector(address, None),
            stub_maker(GPT),
            minimum=self.channels,
            maximum=self.channels,
            clock=self.clock,
        )
        self.endpoints = Endpoints([Endpoint("far end", 1, self.pool, self.clock)])
        self.service = UpstreamService(
            {"gpt": self.endpoints},
            self.bridge,
            [self.threads],
            scale_interval_seconds=30,
            health_check_interval_seconds=None,
            clock=self.clock,
        )
        self.service.startService()
        self.addCleanup(self.stop_service)
        self.client = GrpcUpstream(GPT, self.endpoints, self.bridge, metadata=())
        self.upstream = self.client

    def stop_service(self) -> Deferred[None] | None:
        return self.service.stopService() if self.service.running else None

    async def open(self) -> tuple[GrpcPieceStream, FarCall]:
        stream = self.client.open_stream("gpt-4", REQUEST, timeout_seconds=10.0, avoid=None)
        self.addCleanup(stream.cancel)
        return stream, await self.far_end.next_call()

    async def wait(self, seconds: float) -> None:
        await deferLater(self.clock, seconds)

    async def until_free(self, seconds: float = 1.0) -> None:
        """Wait until no thread is busy and no call is counted."""
        for _ in range(int(seconds / 0.01)):
            if not self.bridge.open_streams and not self.pool.figures().in_flight:
                return
            await self.wait(0.01)
        self.fail(f"{self.bridge.open_streams} threads are still busy")


class ContractTests(ClientCase, UpstreamContract):
    __test__ = True

    async def remote_stream(self) -> RemoteCall:
        return await self.far_end.next_call()

    async def remote_reply(self) -> RemoteCall:
        return await self.far_end.next_call()


class ReplyTests(ClientCase):
    """What the replies mean."""

    async def assert_stream_fails(self, *raw: bytes) -> UpstreamError:
        stream, call = await self.open()
        call.put(*raw)
        call.close()
        return await self.assert_fails(stream)

    async def test_the_last_piece_may_come_with_the_code_of_the_end(self) -> None:
        stream, call = await self.open()
        call.put(reply("a"), reply("b", 204))
        self.assertEqual(await self.read(stream, 2), ["a", "b"])
        self.assertEqual(list(await stream.next_batch()), [])

    async def test_a_clean_close_without_the_code_is_an_end_too(self) -> None:
        stream, call = await self.open()
        call.put(reply("a"))
        call.close()
        self.assertEqual(await self.read(stream, 1), ["a"])
        self.assertEqual(list(await stream.next_batch()), [])

    async def test_a_clean_close_without_any_reply_is_no_answer(self) -> None:
        self.assertIsInstance(await self.assert_stream_fails(), UpstreamBroken)

    async def test_a_bad_code_is_a_failure_that_names_it(self) -> None:
        error = await self.assert_stream_fails(reply("", 439))
        self.assertIsInstance(error, UpstreamRefused)
        self.assertIn("439", str(error))
        self.assertIsInstance(await self.assert_stream_fails(reply("", 429)), UpstreamRateLimited)

    async def test_a_bad_code_after_pieces_breaks_the_answer_there(self) -> None:
        stream, call = await self.open()
        call.put(reply("a"), reply("", 500), reply("never"))
        self.assertEqual(await self.read(stream, 1), ["a"])
        self.assertIn("500", str(await self.assert_fails(stream)))
        await call.cancelled()

    async def test_a_rate_limit_says_when_to_come_back(self) -> None:
        stream, call = await self.open()
        call.ask_for_rest(7)
        call.fail(grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual((await self.assert_fails(stream)).retry_after_seconds, 7)
        self.assertEqual(round(self.client.usable_in()), 7)

    async def test_a_rate_limit_by_code_says_it_too(self) -> None:
        stream, call = await self.open()
        call.ask_for_rest(7)
        call.put(reply("", 429))
        call.close()
        self.assertEqual((await self.assert_fails(stream)).retry_after_seconds, 7)

    async def test_a_rate_limit_of_a_unary_call_says_it_too(self) -> None:
        answer = self.predict()
        call = await self.far_end.next_call()
        call.ask_for_rest(7)
        call.put(reply("", 429))
        self.assertEqual((await self.failure_of(answer)).retry_after_seconds, 7)

    async def test_what_is_no_message_is_a_failure(self) -> None:
        self.assertIsInstance(await self.assert_stream_fails(b"\xff\xff"), UpstreamBroken)

    async def test_a_failure_knows_its_channel(self) -> None:
        error = await self.assert_stream_fails(reply("", 439))
        assert isinstance(error.origin, Route)
        self.assertIs(error.origin.channel, self.pool.acquire())

    async def test_a_connection_lost_in_mid_stream_is_a_broken_answer(self) -> None:
        stream, call = await self.open()
        call.arrive("a")
        self.assertEqual(await self.read(stream, 1), ["a"])
        await self.far_end.stop()
        await self.assert_fails(stream)

    async def test_a_deadline_is_a_timeout_and_is_not_retried(self) -> None:
        stream = self.client.open_stream("gpt-4", REQUEST, timeout_seconds=0.2, avoid=None)
        error = await self.assert_fails(stream)
        self.assertIsInstance(error, UpstreamTimeout)
        self.assertFalse(error.retryable)

    async def test_a_unary_reply_may_have_code_0(self) -> None:
        answer = self.predict()
        (await self.far_end.next_call()).put(reply("whole", 0))
        self.assertEqual(await answer, "whole")

    async def test_a_unary_reply_without_a_body_is_no_answer(self) -> None:
        answer = self.predict()
        (await self.far_end.next_call()).put(b"")
        await self.assertFailure(answer, UpstreamBroken)

    async def test_what_the_far_end_is_asked(self) -> None:
        request = ChatRequest(
            model="gpt-4",
            messages=(Message(role="system", text="be"), Message(role="user", text="hi")),
            temperature=0.0,
        )
        stream = self.client.open_stream("gpt-4", request, timeout_seconds=5.0, avoid=None)
        call = await self.far_end.next_call()
        stream.cancel()
        self.assertEqual(
            [(message.role, message.text) for message in call.request.messages],
            [(0, "system:be;\r\n"), (1, "user:hi;\r\n")],
        )
        self.assertTrue(call.request.HasField("temperature"))
        self.assertTrue(str(call.metadata["user-agent"]).startswith("piecesd/"))


class ThreadTests(ClientCase):
    """Threads, channel slots and memory come back."""

    async def test_cancelling_frees_the_thread_within_100_ms(self) -> None:
        stream, call = await self.open()
        call.arrive("a")
        await self.read(stream, 1)
        stream.cancel()
        await self.until_free(0.1)

    async def test_cancelling_frees_a_thread_that_waits_for_room(self) -> None:
        stream, call = await self.open()
        call.flood(reply("x" * 1000))
        await self.wait(0.2)
        stream.cancel()
        await self.until_free(0.1)

    async def test_an_upstream_is_held_back_while_nobody_reads(self) -> None:
        stream, call = await self.open()
        call.flood(reply("x" * 10_000))
        await self.wait(0.5)
        before = call.sent
        await self.wait(0.3)
        self.assertEqual(call.sent, before)
        self.assertTrue(0 < before < 100, f"{before} pieces of 10 KB were taken")
        while call.sent == before:
            await stream.next_batch()

    async def test_a_stream_that_is_not_closed_after_its_end_is_given_a_grace(self) -> None:
        stream, call = await self.open()
        call.put(reply("a", 204))
        self.assertEqual(await self.read(stream, 1), ["a"])
        self.assertEqual(self.bridge.open_streams, 1)
        await self.wait(CLOSE_GRACE_SECONDS + 0.1)
        await self.until_free()

    async def test_stopping_frees_every_thread_at_once(self) -> None:
        for _ in range(20):
            _stream, call = await self.open()
            call.arrive("a")
        await self.service.stopService()
        self.assertEqual(self.bridge.open_streams, 0)
        self.assertFalse(any(thread.is_alive() for thread in self.threads.threads))

    async def test_a_cancelled_call_leaves_no_memory_behind(self) -> None:
        await self.open_and_cancel(100)
        before = resident_bytes()
        await self.open_and_cancel(1000)
        grown = (resident_bytes() - before) / 1000
        # 21 KB each without `grpc_private.release`.
        self.assertLess(grown, 8_000, "bytes a call")

    async def open_and_cancel(self, times: int) -> None:
        for _ in range(times // 20):
            streams = [(await self.open())[0] for _ in range(20)]
            for stream in streams:
                stream.cancel()
            await self.until_free()
        gc.collect()


class ChannelTests(ClientCase):
    """Channels are connections."""

    channels = 3

    async def test_each_channel_is_a_connection_of_its_own(self) -> None:
        calls = [(await self.open())[1] for _ in range(9)]
        peers = [call.peer for call in calls]
        self.assertEqual(sorted(map(peers.count, set(peers))), [3, 3, 3])

    async def test_a_retry_goes_over_another_connection(self) -> None:
        stream, call = await self.open()
        call.fail()
        error = await self.assert_fails(stream)
        again = self.client.open_stream("gpt-4", REQUEST, timeout_seconds=5.0, avoid=error.origin)
        self.addCleanup(again.cancel)
        self.assertNotEqual((await self.far_end.next_call()).peer, call.peer)

    async def test_an_upstream_that_was_away_is_found_again(self) -> None:
        await self.far_end.stop()
        stream = self.client.open_stream("gpt-4", REQUEST, timeout_seconds=5.0, avoid=None)
        self.assertIsInstance(await self.assert_fails(stream), UpstreamUnavailable)
        self.far_end = FarEnd(self.clock, port=self.far_end.port)
        self.addCleanup(self.far_end.stop)
        next_call = self.far_end.next_call()
        while not next_call.called:
            stream = self.client.open_stream("gpt-4", REQUEST, timeout_seconds=5.0, avoid=None)
            self.addCleanup(stream.cancel)
            waiting = self.next_batch(stream)
            waiting.addErrback(lambda failure: failure.trap(UpstreamUnavailable, CancelledError))
            await self.wait(0.1)
            waiting.cancel()


class GrpcioInternalsTests(ClientCase):
    """The private parts of grpcio that `piecesd.upstream.grpc_private` uses are
    still there, and do what it thinks. A failure here is a release of grpcio
    that needs a look."""

    async def test_release_takes_every_outstanding_operation(self) -> None:
        call = self.pool.acquire().stub.stream(GPT.encode("gpt-4", REQUEST), timeout=5.0)
        await self.far_end.next_call()
        call.cancel()
        self.assertTrue(call._state.due)
        grpc_private.release(call)
        self.assertEqual(call._state.due, set())

    async def test_connectivity_follows_the_connection(self) -> None:
        channel = self.pool.acquire().channel
        self.assertIs(grpc_private.connectivity(channel), grpc.ChannelConnectivity.IDLE)
        await self.open()
        self.assertIs(grpc_private.connectivity(channel), grpc.ChannelConnectivity.READY)


def resident_bytes() -> int:
    """This process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


del UpstreamContract  # trial would run the suite by itself
