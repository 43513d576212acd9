"""A real gRPC server, over TLS if wanted, for tests that block."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import Any

import grpc

from piecesd.families import FAMILIES
from tests.integration.daemon import PATIENCE_SECONDS
from tests.integration.far_end import FarCall


class FarServer:
    """Speaks the GPT service; each call that comes is taken with `next_call`.

    :param credentials: None for plaintext.
    """

    def __init__(self, credentials: grpc.ServerCredentials | None = None) -> None:
        self._calls: Queue[FarCall] = Queue()
        self._server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
        service, _, predict = FAMILIES["gpt"].predict_method.lstrip("/").rpartition("/")
        stream = FAMILIES["gpt"].stream_method.rpartition("/")[2]
        handlers = {
            predict: grpc.unary_unary_rpc_method_handler(self._answer),
            stream: grpc.unary_stream_rpc_method_handler(self._stream),
        }
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, handlers),)
        )
        self.port: int = (
            self._server.add_insecure_port("127.0.0.1:0")
            if credentials is None
            else self._server.add_secure_port("127.0.0.1:0", credentials)
        )
        self._server.start()

    def next_call(self) -> FarCall:
        """The next call that was not taken yet; waits for it."""
        return self._calls.get(timeout=PATIENCE_SECONDS)

    def has_call(self) -> bool:
        """Whether there is a call that was not taken yet."""
        return not self._calls.empty()

    def stop(self) -> None:
        self._server.stop(0).wait(PATIENCE_SECONDS)

    def _answer(self, request: bytes, context: Any) -> bytes:
        return next(self._stream(request, context), b"")

    def _stream(self, request: bytes, context: Any) -> Iterator[bytes]:
        call = FarCall(request, context)
        self._calls.put(call)
        return call.replies()
