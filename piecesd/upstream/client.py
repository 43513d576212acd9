"""Calls to one inference service, over its pool of channels and the bridge."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
from twisted.internet.defer import CancelledError

from piecesd.chat import ChatRequest
from piecesd.errors import (
    ApiError,
    Phrase,
    UpstreamBroken,
    UpstreamError,
    UpstreamRateLimited,
)
from piecesd.families import Family
from piecesd.upstream import grpc_private
from piecesd.upstream.bridge import Bridge, ByteStream
from piecesd.upstream.endpoints import Endpoints, Route
from piecesd.upstream.health_checks import CHECK_METHOD
from piecesd.upstream.status import (
    END_OF_STREAM,
    PIECE,
    UNARY_UNSET,
    error_of_code,
    error_of_status,
    retry_after_seconds,
)

CLOSE_GRACE_SECONDS = 1.0
"""How long a service may take to close a stream after its code 204."""

_NO_ANSWER = Phrase("it closed the stream without an answer", "上游未作回答便关闭了流")
_NO_BODY = Phrase("its reply has no answer in it", "上游的回复中没有回答")

Metadata = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stub:
    """The methods of a service on one channel. All leave the reply as the
    bytes it came in: those cross the threads more cheaply than messages do."""

    predict: Any
    stream: Any
    check: Any


def stub_maker(family: Family) -> Callable[[Any], Stub]:
    """What a pool of channels to ``family``'s service makes of each channel."""

    def make(channel: Any) -> Stub:
        return Stub(
            predict=channel.unary_unary(family.predict_method),
            stream=channel.unary_stream(family.stream_method),
            check=channel.unary_unary(CHECK_METHOD),
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

    def trailing_metadata(self) -> Metadata:
        """What came with the end of the call, which must have come."""
        return tuple(self._call.trailing_metadata() or ())


class GrpcPieceStream:
    """The text of one streamed call; see `piecesd.upstream.interface.PieceStream`."""

    def __init__(
        self,
        pieces: ByteStream,
        call: _ReadableCall,
        family: Family,
        route: Route,
        timeout_seconds: float | None,
    ) -> None:
        self._pieces = pieces
        self._call = call
        self._decode = family.decode
        self._route = route
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
                self._began = True
                self._finish()
                self._pieces.close(CLOSE_GRACE_SECONDS)
                break
            else:
                self._fail(await self._error_of_code(reply.code))
                break
        self._began = self._began or bool(texts)
        if not batch:
            if self._began:
                self._finish()
            else:
                self._fail(UpstreamBroken(detail=_NO_ANSWER))
        return texts or self._end()

    def cancel(self, *, blame: UpstreamError | None = None) -> None:
        if not self._ended:
            if blame is not None:
                self._route.report(blame)
            else:
                self._route.abandon()
            self._pieces.cancel()

    def _end(self) -> Sequence[str]:
        if self._failure is not None:
            raise self._failure
        return ()

    def _finish(self) -> None:
        self._ended = True
        self._route.report(None)

    def _fail(self, error: ApiError) -> ApiError:
        self._ended = True
        self._failure = _at(error, self._route)
        self._pieces.cancel()
        return error

    async def _error_of_code(self, code: int) -> UpstreamError:
        """What a failing code means; a rate limit's retry-after comes with the
        end of the call, which is near."""
        error = error_of_code(code)
        if isinstance(error, UpstreamRateLimited):
            with suppress(grpc.RpcError):
                while await self._pieces.next_batch():
                    pass
            error.retry_after_seconds = retry_after_seconds(self._call.trailing_metadata())
        return error


class GrpcUpstream:
    """One inference service; see `piecesd.upstream.interface.Upstream`.

    :param metadata: sent with every call.
    """

    def __init__(
        self,
        family: Family,
        endpoints: Endpoints,
        bridge: Bridge,
        *,
        metadata: Metadata,
    ) -> None:
        self._family = family
        self._endpoints = endpoints
        self._bridge = bridge
        self._metadata = metadata

    def usable_in(self) -> float:
        return self._endpoints.usable_in()

    def open_stream(
        self, model: str, request: ChatRequest, *, timeout_seconds: float | None, avoid: object
    ) -> GrpcPieceStream:
        self._bridge.check_room()
        message = self._family.encode(model, request)
        route = self._endpoints.acquire(avoid)
        # Does not block: the thread that reads is the bridge's.
        try:
            stub = route.channel.stub
            call = stub.stream(message, timeout=timeout_seconds, metadata=self._metadata)
        except Exception as error:
            route.release()
            raise _at(error_of_status(error, timeout_seconds), route) from None
        readable = _ReadableCall(call)
        pieces = self._bridge.open(readable, route.release)
        return GrpcPieceStream(pieces, readable, self._family, route, timeout_seconds)

    async def predict(
        self, model: str, request: ChatRequest, *, timeout_seconds: float, avoid: object
    ) -> str:
        message = self._family.encode(model, request)
        route = self._endpoints.acquire(avoid)
        try:
            text = await self._predict(route, message, timeout_seconds)
        except (CancelledError, grpc.FutureCancelledError):
            route.abandon()
            raise CancelledError() from None
        except ApiError as error:
            raise _at(error, route) from None
        except Exception as error:
            raise _at(error_of_status(error, timeout_seconds), route) from None
        else:
            route.report(None)
            return text
        finally:
            route.release()

    async def _predict(self, route: Route, message: bytes, timeout_seconds: float) -> str:
        future = route.channel.stub.predict.future(
            message, timeout=timeout_seconds, metadata=self._metadata
        )
        reply = self._family.decode(await self._bridge.reply(future))
        if reply.code not in (PIECE, END_OF_STREAM, UNARY_UNSET):
            error = error_of_code(reply.code)
            if isinstance(error, UpstreamRateLimited):
                error.retry_after_seconds = retry_after_seconds(future.trailing_metadata() or ())
            raise error
        if not reply.has_body:
            raise UpstreamBroken(detail=_NO_BODY)
        return reply.text


def _at(error: ApiError, route: Route) -> ApiError:
    """``error`` with where it happened, which is told to the route, too."""
    route.report(error)
    if isinstance(error, UpstreamError):
        error.origin = route
    return error
