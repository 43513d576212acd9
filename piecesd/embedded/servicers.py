"""The methods of both services, over one model."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from typing import Any

import grpc

from piecesd._pb import health_pb2
from piecesd._pb.gpt_pb2_grpc import GPTInferenceServiceServicer
from piecesd._pb.health_pb2_grpc import HealthServicer
from piecesd._pb.vertex_pb2_grpc import VertexInferenceServiceServicer
from piecesd.embedded.calls import Calls
from piecesd.embedded.faulty import Sabotaged
from piecesd.embedded.model import AnswerFailed, CallFailed, Failure, Model
from piecesd.embedded.wire import GptWire, VertexWire, Wire, garbage

PIECE = 200
END_OF_STREAM = 204

RESET_AFTER_SECONDS = 0.05
"""Between the last piece and a scripted reset, which would overtake it."""

Cut = Callable[[str], None]
"""Resets the connection of a peer, named as gRPC names it."""


SERVICES = frozenset(
    f"runtime.aot.machine_learning.parents.{name}"
    for name in ("gpt.GPTInferenceService", "vertex.VertexInferenceService")
)


class AlwaysServing(HealthServicer):
    """The standard health protocol: who can be asked, serves."""

    async def Check(self, message: Any, context: Any) -> Any:
        if message.service and message.service not in SERVICES:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no service of that name")
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)


class _Servicer:
    """What the services have in common. ``Any`` is a message of the service,
    or grpc.aio's context of the call.

    gRPC cancels the coroutine when the client cancels the call or goes away.
    """

    _wire: Wire

    def __init__(self, model: Model, calls: Calls, cut: Cut) -> None:
        self._model = model
        self._calls = calls
        self._cut = cut

    async def Predict(self, message: Any, context: Any) -> Any:
        request = self._wire.read(message)
        texts: list[str] = []
        try:
            with (
                self._calls.track(request.model) as call,
                closing(self._model.open(request, paced=False)) as answer,
            ):
                is_last = False
                while not is_last:
                    piece = await answer.next_piece()
                    texts.append(piece.text)
                    is_last = piece.is_last
                    call.pieces += 1
                if piece.afterwards is not None:
                    await piece.afterwards()
        except Failure as failure:
            last_reply = await self._last_reply(failure, context)
            if last_reply is not None:
                return last_reply
        return self._wire.reply(PIECE, "".join(texts), call.number)

    async def PredictWithStream(self, message: Any, context: Any) -> None:
        request = self._wire.read(message)
        try:
            with (
                self._calls.track(request.model) as call,
                closing(self._model.open(request, paced=True)) as answer,
            ):
                is_last = False
                while not is_last:
                    piece = await answer.next_piece()
                    is_last = piece.is_last
                    code = END_OF_STREAM if is_last else PIECE
                    # Waits while HTTP/2 flow control holds the stream back.
                    await _write(context, self._wire.reply(code, piece.text, call.number))
                    call.pieces += 1
                if piece.afterwards is not None:
                    await piece.afterwards()
        except Failure as failure:
            last_reply = await self._last_reply(failure, context)
            if last_reply is not None:
                await _write(context, last_reply)

    async def _last_reply(self, failure: Failure, context: Any) -> Any:
        """The reply that shows ``failure``; None where nothing is to follow."""
        match failure:
            case AnswerFailed(code=code):
                return self._wire.reply(code, None, 0)
            case CallFailed(status=status, details=details):
                await context.abort(status, details)
            case Sabotaged(sabotage="garbage"):
                return garbage(self._wire)
            case Sabotaged(sabotage="reset"):
                await asyncio.sleep(RESET_AFTER_SECONDS)
                self._cut(context.peer())
                await asyncio.Event().wait()  # until gRPC has noticed
        return None


async def _write(context: Any, reply: Any) -> None:
    """Send a reply.

    :raises CancelledError: the client has gone. A call that waits for flow
        control learns it so; gRPC does not always cancel it besides.
    """
    try:
        await context.write(reply)
    except grpc.aio.InternalError:
        raise asyncio.CancelledError from None


class GptServicer(_Servicer, GPTInferenceServiceServicer):
    """The GPT service."""

    _wire = GptWire()


class VertexServicer(_Servicer, VertexInferenceServiceServicer):
    """The Vertex service."""

    _wire = VertexWire()
