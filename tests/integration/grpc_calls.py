"""Calls to a gRPC server on the loopback, as a client of a family makes them."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from piecesd.chat import ChatRequest, Message
from piecesd.families import FAMILIES, Family, Reply

PATIENCE_SECONDS = 5.0


class FamilyClient:
    """One family's two methods on a channel of its own."""

    def __init__(self, family: str, port: int) -> None:
        self.family: Family = FAMILIES[family]
        # Channels to one address would share a connection, and so its resets.
        options = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1))
        self.channel: Any = grpc.insecure_channel(f"127.0.0.1:{port}", options)
        self._predict = self.channel.unary_unary(self.family.predict_method)
        self._stream = self.channel.unary_stream(self.family.stream_method)

    def predict(self, text: str) -> Reply:
        """The reply to one user message, waited for."""
        return self.family.decode(self._predict(self._request(text), timeout=PATIENCE_SECONDS))

    def start_predict(self, text: str) -> Any:
        """The gRPC future of the reply."""
        return self._predict.future(self._request(text), timeout=PATIENCE_SECONDS)

    def open_stream(self, text: str) -> Any:
        """The gRPC call, which iterates over raw replies and can be cancelled."""
        return self._stream(self._request(text), timeout=PATIENCE_SECONDS)

    def stream(self, text: str) -> Iterator[Reply]:
        """The replies as they come."""
        return map(self.family.decode, self.open_stream(text))

    def close(self) -> None:
        self.channel.close()

    def _request(self, text: str) -> bytes:
        messages = (Message(role="user", text=text),)
        return self.family.encode("test-model", ChatRequest(model="", messages=messages))


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether ``condition`` came true within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()
