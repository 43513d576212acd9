"""The gRPC server, on an asyncio loop in a thread of its own.

gRPC's blocking server holds a thread for each open stream; the asyncio one
holds none and cancels the coroutine of a call that its client gives up
(docs/decisions/007).
"""

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Any

import grpc

from piecesd._pb.gpt_pb2_grpc import add_GPTInferenceServiceServicer_to_server
from piecesd._pb.health_pb2_grpc import add_HealthServicer_to_server
from piecesd._pb.vertex_pb2_grpc import add_VertexInferenceServiceServicer_to_server
from piecesd.embedded.calls import CallCounts, Calls
from piecesd.embedded.faulty import FaultyModel
from piecesd.embedded.model import Model
from piecesd.embedded.sabotage import CuttableForwarder, RawReplies
from piecesd.embedded.servicers import AlwaysServing, Cut, GptServicer, VertexServicer

LOOPBACK = "127.0.0.1"
START_SECONDS = 10.0
STOP_SECONDS = 1.0
"""How long calls that were told to end may take to do so."""

_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)


class GrpcServer:
    """Both services on one port. Starts nothing before `start`, and once.

    :param port: 0 lets the system pick.
    :param faults: let conversations script faults (`piecesd.embedded.faults`).
    """

    def __init__(self, model: Model, calls: Calls, *, host: str, port: int, faults: bool) -> None:
        self._model = FaultyModel(model) if faults else model
        self._calls = calls
        self._host = host
        self._port = port
        self._faults = faults
        self._thread = Thread(target=self._run, name="embedded-upstream", daemon=True)
        self._bound: Future[int] = Future()
        self._stopped: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_asked: asyncio.Future[float] | None = None

    @property
    def counts(self) -> CallCounts:
        return self._calls.counts

    def start(self) -> int:
        """Listen, and return the port. Blocks for the milliseconds it takes.

        :raises OSError: the address can't be had.
        """
        self._thread.start()
        return self._bound.result(START_SECONDS)

    def stop(self, grace_seconds: float = 0.0) -> Future[None]:
        """Take no more calls, let those that run end for ``grace_seconds`` and
        cancel the rest. Does not block: the Future, which completes in the
        server's thread, says when all has ended. May be called again."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has closed since
                self._loop.call_soon_threadsafe(self._ask_to_stop, grace_seconds)
        return self._stopped

    def _ask_to_stop(self, grace_seconds: float) -> None:
        if self._stop_asked is not None and not self._stop_asked.done():
            self._stop_asked.set_result(grace_seconds)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._bound.done():
                raise
            self._bound.set_exception(error)
        finally:
            self._stopped.set_result(None)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop_asked = self._loop.create_future()
        # With faults, clients talk to a forwarder, which can cut them off.
        forwarder = CuttableForwarder() if self._faults else None
        server = self._make_server(forwarder)
        grace_seconds = 0.0
        try:
            if forwarder is None:
                port = _listen(server, self._host, self._port)
                await server.start()
            else:
                server_port = _listen(server, LOOPBACK, 0)
                await server.start()
                port = await forwarder.start(self._host, self._port, server_port)
            self._bound.set_result(port)
            grace_seconds = await self._stop_asked
        finally:
            await asyncio.wait_for(server.stop(grace_seconds), grace_seconds + STOP_SECONDS)
            if forwarder is not None:
                await forwarder.stop()

    def _make_server(self, forwarder: CuttableForwarder | None) -> Any:
        interceptors = () if forwarder is None else (RawReplies(),)
        cut: Cut = _no_cut if forwarder is None else forwarder.cut
        server = grpc.aio.server(options=_OPTIONS, interceptors=interceptors)
        add_GPTInferenceServiceServicer_to_server(
            GptServicer(self._model, self._calls, cut), server
        )
        add_VertexInferenceServiceServicer_to_server(
            VertexServicer(self._model, self._calls, cut), server
        )
        add_HealthServicer_to_server(AlwaysServing(), server)
        return server


def _no_cut(peer: str) -> None:
    """Without scripted faults nothing asks for a cut."""


def _listen(server: Any, host: str, port: int) -> int:
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        bound: int = server.add_insecure_port(address)
    except RuntimeError:
        raise OSError(f"can't listen on {address}") from None
    return bound
