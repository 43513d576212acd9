"""Calls to one inference service, over its pool of channels and the bridge."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from twisted.internet.defer import CancelledError

from piecesd.chat import ChatRequest
from piecesd.errors import ApiError, Phrase, UpstreamBroken, UpstreamError
from piecesd.families import Family
from piecesd.upstream import grpc_private
from piecesd.upstream.bridge import Bridge, ByteStream
from piecesd.upstream.channels import ChannelPool, PooledChannel
from piecesd.upstream.status import (
    END_OF_STREAM,
    PIECE,
    UNARY_UNSET,
    error_of_code,
    error_of_status,
)

CLOSE_GRACE_SECONDS = 1.0
"""How long a service may take to close a stream after its code 204."""

_NO_ANSWER = Phrase("it closed the stream without an answer", "上游未作回答便关闭了流")
_NO_BODY = Phrase("its reply has no answer in it", "上游的回复中没有回答")

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Stub:
    """The two methods of a service on one channel. Both leave the reply as the
    bytes it came in: those cross the threads more cheaply than messages do."""

    predict: Any
    stream: Any


def stub_maker(family: Family) -> Callable[[Any], Stub]:
    """What a pool of channels to ``family``'s service makes of each channel."""

    def make(channel: Any) -> Stub:
        return Stub(
            channel.unary_unary(family.predict_method), channel.unary_stream(family.stream_method)
        )

    return make


class _ReadableCall:
    """A gRPC streaming call as the bridge wants it."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self.cancel: Callable[[], None] = call.cancel

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._call)

    def release(self) -> None:
        grpc_private.release(self._call)


class GrpcPieceStream:
    """The text of one streamed call; see `piecesd.upstream.interface.PieceStream`."""

    def __init__(
        self,
        pieces: ByteStream,
        family: Family,
        origin: PooledChannel,
        timeout_seconds: float | None,
    ) -> None:
        self._pieces = pieces
        self._decode = family.decode
        self._origin = origin
        self._timeout_seconds = timeout_seconds
        self._began = False
        self._ended = False
        self._failure: ApiError | None = None

    async def next_batch(self) -> Sequence[str]:
        if self._ended:
            return self._end()
        try:
            batch = await self._pieces.next_batch()
        except CancelledError:
            raise
        except Exception as error:
            raise self._fail(error_of_status(error, self._timeout_seconds)) from None
        texts: list[str] = []
        for raw in batch:
            try:
                reply = self._decode(raw)
            except UpstreamBroken as error:
                self._fail(error)
                break
            if reply.code == PIECE:
                texts.append(reply.text)
            elif reply.code == END_OF_STREAM:
                if reply.text:
                    texts.append(reply.text)
                self._ended = self._began = True
                self._pieces.close(CLOSE_GRACE_SECONDS)
                break
            else:
                self._fail(error_of_code(reply.code))
                break
        self._began = self._began or bool(texts)
        if not batch and not self._began:
            self._fail(UpstreamBroken(detail=_NO_ANSWER))
        self._ended = self._ended or not batch
        return texts or self._end()

    def cancel(self) -> None:
        if not self._ended:
            self._pieces.cancel()

    def _end(self) -> Sequence[str]:
        if self._failure is not None:
            raise self._failure
        return ()

    def _fail(self, error: ApiError) -> ApiError:
        self._ended = True
        self._failure = _at(error, self._origin)
        self._pieces.cancel()
        return error


class GrpcUpstream:
    """One inference service; see `piecesd.upstream.interface.Upstream`.

    :param metadata: sent with every call.
    """

    def __init__(
        self,
        family: Family,
        pool: ChannelPool,
        bridge: Bridge,
        *,
        metadata: Metadata,
    ) -> None:
        self._family = family
        self._pool = pool
        self._bridge = bridge
        self._metadata = metadata

    def open_stream(
        self, model: str, request: ChatRequest, *, timeout_seconds: float | None, avoid: object
    ) -> GrpcPieceStream:
        self._bridge.check_room()
        message = self._family.encode(model, request)
        channel = self._pool.acquire(avoid)
        # Does not block: the thread that reads is the bridge's.
        try:
            call = channel.stub.stream(message, timeout=timeout_seconds, metadata=self._metadata)
        except Exception as error:
            self._pool.release(channel)
            raise _at(error_of_status(error, timeout_seconds), channel) from None
        pieces = self._bridge.open(_ReadableCall(call), lambda: self._pool.release(channel))
        return GrpcPieceStream(pieces, self._family, channel, timeout_seconds)

    async def predict(
        self, model: str, request: ChatRequest, *, timeout_seconds: float, avoid: object
    ) -> str:
        message = self._family.encode(model, request)
        channel = self._pool.acquire(avoid)
        try:
            future = channel.stub.predict.future(
                message, timeout=timeout_seconds, metadata=self._metadata
            )
            reply = self._family.decode(await self._bridge.reply(future))
        except CancelledError:
            raise
        except grpc.FutureCancelledError:
            raise CancelledError() from None
        except ApiError as error:
            raise _at(error, channel) from None
        except Exception as error:
            raise _at(error_of_status(error, timeout_seconds), channel) from None
        finally:
            self._pool.release(channel)
        if reply.code not in (PIECE, END_OF_STREAM, UNARY_UNSET):
            raise _at(error_of_code(reply.code), channel)
        if not reply.has_body:
            raise _at(UpstreamBroken(detail=_NO_BODY), channel)
        return reply.text


def _at(error: ApiError, origin: PooledChannel) -> ApiError:
    """``error`` with where it happened."""
    if isinstance(error, UpstreamError):
        error.origin = origin
    return error
