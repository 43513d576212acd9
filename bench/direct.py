"""Calling the upstream without a gateway, for comparison."""

import time

import grpc
import grpc.experimental

from bench.script import Script
from piecesd._pb.gpt_pb2 import GptMessage, GptRequest

_METHOD = "/runtime.aot.machine_learning.parents.gpt.GPTInferenceService/PredictWithStream"

# The leanest way to read a stream that grpcio has, so that the comparison
# takes nothing off what the gateway adds.
_OPTIONS = ((grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1),)


class DirectClient:
    """A gRPC client of the bench upstream at ``address`` (host:port)."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._call = self._channel.unary_stream(
            _METHOD, request_serializer=GptRequest.SerializeToString
        )

    def first_piece_seconds(self, script: Script) -> float:
        """The time from the call to its first piece; reads the answer to its end.

        :raises grpc.RpcError: the call failed.
        """
        message = GptMessage(role=1, text=f"user:{script.prompt()};\r\n")
        request = GptRequest(model="gpt-4o", messages=[message])
        started = time.monotonic_ns()
        replies = self._call(request, timeout=10)
        next(replies)
        seconds = (time.monotonic_ns() - started) / 1e9
        for _ in replies:
            pass
        return seconds

    def close(self) -> None:
        self._channel.close()
