"""What every upstream keeps, whatever it is made of.

`tests/upstream/test_scripted.py` runs it against the fake that other tests
trust, `tests/integration/test_client.py` against real gRPC.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import TestCase

from piecesd.chat import ChatRequest, Message
from piecesd.errors import UpstreamError
from piecesd.upstream.interface import PieceStream, Upstream

REQUEST = ChatRequest(model="gpt-4", messages=(Message(role="user", text="hi"),))


class RemoteCall(Protocol):
    """The far end of a call, in a test's hands."""

    def arrive(self, *pieces: str) -> None:
        """Send pieces of the answer."""

    def finish(self) -> None:
        """End the answer, whole."""

    def fail(self) -> None:
        """Break the call in a way that a retry may not meet again."""

    async def cancelled(self) -> None:
        """Returns once the far end knows that the call was cancelled."""


class UpstreamCase(TestCase):
    """Ways to use an upstream that tests share."""

    timeout = 20
    upstream: Upstream

    async def read(self, stream: PieceStream, pieces: int) -> list[str]:
        """So many pieces, in however many batches."""
        read: list[str] = []
        while len(read) < pieces:
            batch = await stream.next_batch()
            self.assertTrue(batch, "the stream ended early")
            read += batch
        return read

    async def assert_fails(self, stream: PieceStream) -> UpstreamError:
        return await self.failure_of(self.next_batch(stream))

    async def failure_of(self, failing: Deferred[Any]) -> UpstreamError:
        """What ``failing`` fails with."""
        return await self.assertFailure(failing, UpstreamError)

    def next_batch(self, stream: PieceStream) -> Deferred[Sequence[str]]:
        return Deferred.fromCoroutine(stream.next_batch())

    def predict(self) -> Deferred[str]:
        answer = self.upstream.predict("gpt-4", REQUEST, timeout_seconds=10.0, avoid=None)
        return Deferred.fromCoroutine(answer)


class UpstreamContract(UpstreamCase):
    """``upstream`` and the two ways to its far end are given by a subclass."""

    __test__ = False

    async def remote_stream(self) -> RemoteCall:
        raise NotImplementedError

    async def remote_reply(self) -> RemoteCall:
        raise NotImplementedError

    async def stream(self) -> tuple[PieceStream, RemoteCall]:
        stream = self.upstream.open_stream("gpt-4", REQUEST, timeout_seconds=10.0, avoid=None)
        self.addCleanup(stream.cancel)
        return stream, await self.remote_stream()

    async def test_pieces_come_in_order_and_then_the_end_for_good(self) -> None:
        stream, remote = await self.stream()
        remote.arrive("a", "b")
        remote.arrive("c")
        self.assertEqual(await self.read(stream, 3), ["a", "b", "c"])
        remote.finish()
        self.assertEqual(list(await stream.next_batch()), [])
        self.assertEqual(list(await stream.next_batch()), [])

    async def test_an_empty_piece_is_a_piece(self) -> None:
        stream, remote = await self.stream()
        remote.arrive("", "a")
        self.assertEqual(await self.read(stream, 2), ["", "a"])

    async def test_a_failure_comes_after_the_pieces_before_it_and_stays(self) -> None:
        stream, remote = await self.stream()
        remote.arrive("a")
        remote.fail()
        self.assertEqual(await self.read(stream, 1), ["a"])
        self.assertTrue((await self.assert_fails(stream)).retryable)
        await self.assert_fails(stream)

    async def test_a_cancel_reaches_the_far_end_and_who_waits(self) -> None:
        stream, remote = await self.stream()
        remote.arrive("a")
        await self.read(stream, 1)
        waiting = self.next_batch(stream)
        stream.cancel()
        stream.cancel()
        await self.assertFailure(waiting, CancelledError)
        await remote.cancelled()

    async def test_cancelling_who_waits_cancels_the_call(self) -> None:
        stream, remote = await self.stream()
        waiting = self.next_batch(stream)
        waiting.cancel()
        await self.assertFailure(waiting, CancelledError)
        await remote.cancelled()

    async def test_a_cancel_after_the_end_changes_nothing(self) -> None:
        stream, remote = await self.stream()
        remote.arrive("a")
        remote.finish()
        await self.read(stream, 1)
        self.assertEqual(list(await stream.next_batch()), [])
        stream.cancel()
        self.assertEqual(list(await stream.next_batch()), [])

    async def test_a_unary_answer_comes_whole(self) -> None:
        answer = self.predict()
        remote = await self.remote_reply()
        remote.arrive("whole")
        self.assertEqual(await answer, "whole")

    async def test_a_failed_unary_call_fails(self) -> None:
        answer = self.predict()
        (await self.remote_reply()).fail()
        self.assertTrue((await self.failure_of(answer)).retryable)

    async def test_cancelling_a_unary_answer_reaches_the_far_end(self) -> None:
        answer = self.predict()
        remote = await self.remote_reply()
        answer.cancel()
        await self.assertFailure(answer, CancelledError)
        await remote.cancelled()
