"""What gRPC does not let a server do to its clients, for scripted faults."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any

import grpc

_READ_BYTES = 65_536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER, on, with 0 seconds: closing sends RST and not FIN."""


class RawReplies(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """Lets servicers reply with bytes, which go out as they are."""

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        known = await continuation(details)
        if known is None:
            return None
        if known.response_streaming:
            make, method = grpc.unary_stream_rpc_method_handler, known.unary_stream
        else:
            make, method = grpc.unary_unary_rpc_method_handler, known.unary_unary
        return make(
            method,
            request_deserializer=known.request_deserializer,
            response_serializer=_raw_or(known.response_serializer),
        )


def _raw_or(serialize: Any) -> Any:
    return lambda reply: reply if isinstance(reply, bytes) else serialize(reply)


class CuttableForwarder:
    """Forwards TCP connections to a gRPC server on the loopback, and cuts them
    when told to. It passes back-pressure on. All on one asyncio loop."""

    def __init__(self) -> None:
        self._server_port = 0
        self._clients: dict[int, asyncio.StreamWriter] = {}
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int, server_port: int) -> int:
        """Listen in front of ``server_port``, and return the port.

        :raises OSError: the address can't be had.
        """
        self._server_port = server_port
        self._listener = await asyncio.start_server(self._connected, host, port)
        bound: int = self._listener.sockets[0].getsockname()[1]
        return bound

    def cut(self, peer: str) -> None:
        """Reset the connection that the server knows as ``peer``
        (``ipv4:address:port``); nothing happens if it is gone."""
        client = self._clients.get(int(peer.rpartition(":")[2]))
        if client is not None:
            client.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
            )
            client.transport.abort()

    async def stop(self) -> None:
        """Close everything. The connections end by themselves once the server
        behind them has."""
        if self._listener is not None:
            self._listener.close()
        for client in self._clients.values():
            client.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
            own_port = to_server.get_extra_info("sockname")[1]
            self._clients[own_port] = to_client
            try:
                await _first_done(_copy(from_client, to_server), _copy(from_server, to_client))
            finally:
                del self._clients[own_port]
                to_server.close()
        finally:
            to_client.close()
            self._tasks.discard(task)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(_READ_BYTES):
            sink.write(data)
            await sink.drain()


async def _first_done(*copies: Any) -> None:
    """Run ``copies`` until one ends, and end the others."""
    tasks = [asyncio.ensure_future(each) for each in copies]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
