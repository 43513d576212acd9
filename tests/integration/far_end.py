"""A real gRPC server whose every call is in a test's hands."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event
from typing import Any

import grpc
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThread

from piecesd._pb import gpt_pb2
from piecesd.families import FAMILIES

_END = object()


def reply(text: str, code: int = 200) -> bytes:
    """One GPT reply as bytes."""
    message = gpt_pb2.GptResponse(response_code=code)
    message.body.choice.message.text = text
    return message.SerializeToString()


class FarCall:
    """One call as the server sees it. What is put on it goes out in order."""

    def __init__(self, request: bytes, context: Any) -> None:
        self.request = gpt_pb2.GptRequest.FromString(request)
        self.metadata = dict(context.invocation_metadata())
        self.peer: str = context.peer()
        self._context = context
        self._items: Queue[object] = Queue()
        self._over = Event()
        self.sent = 0
        context.add_callback(self._end)

    def put(self, *raw: bytes) -> None:
        """Send these bytes, each as one reply."""
        for each in raw:
            self._items.put(each)

    def arrive(self, *pieces: str) -> None:
        self.put(*map(reply, pieces))

    def finish(self) -> None:
        """End with code 204 and a clean close."""
        self.put(reply("", 204))
        self.close()

    def close(self) -> None:
        """End the call cleanly."""
        self._items.put(_END)

    def fail(self, status: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> None:
        self._items.put(status)

    def ask_for_rest(self, seconds: int) -> None:
        """Have the end of the call say when to come back."""
        self._context.set_trailing_metadata((("retry-after", str(seconds)),))

    def flood(self, piece: bytes) -> None:
        """Send ``piece`` again and again for as long as the client takes it."""
        self._items.put(iter(lambda: piece, b""))

    def over(self, timeout_seconds: float = 1.0) -> bool:
        """Wait until the call is over, on either side."""
        return self._over.wait(timeout_seconds)

    async def cancelled(self) -> None:
        """Returns when the client's cancel has come, within a second."""
        assert await deferToThread(self.over), "the server did not see the cancel"

    def _end(self) -> None:
        self._over.set()
        self._items.put(_END)

    def replies(self) -> Iterator[bytes]:
        while (item := self._items.get()) is not _END:
            if isinstance(item, grpc.StatusCode):
                self._context.abort(item, "as the test wants")
            elif isinstance(item, bytes):
                yield item
            else:
                for piece in item:  # type: ignore[attr-defined]  # a flood
                    self.sent += 1
                    yield piece
                    if self._over.is_set():
                        return


class FarServer:
    """Speaks the GPT service, and hands each call that comes to ``on_call``, on
    a thread of the server.

    :param credentials: None for plaintext.
    """

    def __init__(
        self,
        on_call: Callable[[FarCall], object],
        *,
        port: int = 0,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        self._on_call = on_call
        self._server = grpc.server(ThreadPoolExecutor(64), options=[("grpc.so_reuseport", 0)])
        family = FAMILIES["gpt"]
        service, _, predict = family.predict_method.lstrip("/").rpartition("/")
        stream = family.stream_method.rpartition("/")[2]
        handlers = {
            predict: grpc.unary_unary_rpc_method_handler(self._answer),
            stream: grpc.unary_stream_rpc_method_handler(self._stream),
        }
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, handlers),)
        )
        address = f"127.0.0.1:{port}"
        self.port: int = (
            self._server.add_insecure_port(address)
            if credentials is None
            else self._server.add_secure_port(address, credentials)
        )
        self._server.start()

    def stop(self) -> None:
        """Cut every call and wait for the end."""
        self._server.stop(0).wait()

    def _answer(self, request: bytes, context: Any) -> bytes:
        return next(self._stream(request, context), b"")

    def _stream(self, request: bytes, context: Any) -> Iterator[bytes]:
        call = FarCall(request, context)
        self._on_call(call)
        return call.replies()


class FarEnd:
    """A server for tests in the reactor; `next_call` gives its calls in order."""

    def __init__(self, reactor: IReactorFromThreads, port: int = 0) -> None:
        self._calls: list[FarCall] = []
        self._waiters: list[Deferred[FarCall]] = []
        self._server = FarServer(
            lambda call: reactor.callFromThread(self._arrived, call), port=port
        )
        self.port = self._server.port

    def next_call(self) -> Deferred[FarCall]:
        """The next call that nobody has taken yet."""
        waiter: Deferred[FarCall] = Deferred()
        self._waiters.append(waiter)
        self._match()
        return waiter

    def stop(self) -> Deferred[None]:
        return deferToThread(self._server.stop)

    def _arrived(self, call: FarCall) -> None:
        self._calls.append(call)
        self._match()

    def _match(self) -> None:
        while self._calls and self._waiters:
            self._waiters.pop(0).callback(self._calls.pop(0))


class QueuedFarEnd:
    """A server for tests that block."""

    def __init__(self, credentials: grpc.ServerCredentials | None = None) -> None:
        self._calls: Queue[FarCall] = Queue()
        self._server = FarServer(self._calls.put, credentials=credentials)
        self.port = self._server.port
        self.stop = self._server.stop

    def next_call(self, timeout_seconds: float = 10.0) -> FarCall:
        """The next call that was not taken yet; waits for it."""
        return self._calls.get(timeout=timeout_seconds)

    def has_call(self) -> bool:
        """Whether there is a call that was not taken yet."""
        return not self._calls.empty()
