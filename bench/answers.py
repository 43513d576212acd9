"""The bench upstream's side of one connection, with no I/O.

Speaks both services of protos/ over `bench.http2`. `Peer.receive` takes what
came from the socket, `Peer.pump` turns answers that are due into bytes; times
are microseconds of the monotonic clock.
"""

import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from google.protobuf.message import DecodeError

from bench.http2 import (
    Event,
    RequestReceived,
    ServerConnection,
    Stream,
    StreamReset,
    encode_headers,
)
from bench.script import STAMP_DIGITS, NoScript, Script, stamp_digits
from piecesd._pb import gpt_pb2, vertex_pb2

PIECE, END = 200, 204
"""Response codes of the services."""

UNIMPLEMENTED, INVALID_ARGUMENT = 12, 3
"""gRPC status codes."""

_RESPONSE = ((b":status", b"200"), (b"content-type", b"application/grpc"))
_HEADERS = encode_headers(_RESPONSE)
_TRAILERS = encode_headers([(b"grpc-status", b"0")])

_TURN_MESSAGES = 32
"""How many messages a call may send before the next call has its turn."""

_OUTGOING_BYTES = 65_536
"""How much may wait for the socket before calls have to wait too."""


@dataclass(frozen=True, slots=True)
class Service:
    """How one service writes prompts and answers."""

    read_prompt: Callable[[bytes], str]
    encode_reply: Callable[[int, str | None], bytes]


def _read_gpt_prompt(message: bytes) -> str:
    messages = gpt_pb2.GptRequest.FromString(message).messages
    return messages[-1].text if messages else ""


def _encode_gpt_reply(code: int, text: str | None) -> bytes:
    if text is None:
        return gpt_pb2.GptResponse(response_code=code).SerializeToString()
    choice = gpt_pb2.GptChoice(index=1, message=gpt_pb2.GptMessage(role=1, text=text))
    body = gpt_pb2.GptBody(
        id="chatcmpl-9nYxkZ2s1bQw7TtH4cJfVqLr",
        object="chat.completion.chunk",
        created=1_721_000_000,
        choice=choice,
        unknown=gpt_pb2.GptUnknownCounts(first=1, second=2, third=3),
    )
    return gpt_pb2.GptResponse(response_code=code, body=body).SerializeToString()


def _read_vertex_prompt(message: bytes) -> str:
    return vertex_pb2.VertexRequest.FromString(message).arguments.content.text


def _encode_vertex_reply(code: int, text: str | None) -> bytes:
    if text is None:
        return vertex_pb2.VertexResponse(response_code=code).SerializeToString()
    body = vertex_pb2.VertexReplyBody(content=vertex_pb2.VertexContent(kind=3, text=text))
    reply = vertex_pb2.VertexReply(body=body)
    return vertex_pb2.VertexResponse(response_code=code, reply=reply).SerializeToString()


_PARENTS = "/runtime.aot.machine_learning.parents"
SERVICES = {
    f"{_PARENTS}.gpt.GPTInferenceService": Service(_read_gpt_prompt, _encode_gpt_reply),
    f"{_PARENTS}.vertex.VertexInferenceService": Service(_read_vertex_prompt, _encode_vertex_reply),
}
"""By the part of a request's path before the method."""


def _prefixed(message: bytes) -> bytes:
    """As gRPC frames an uncompressed message."""
    return struct.pack(">BI", 0, len(message)) + message


def streamed(service: Service, script: Script, start_us: int) -> Iterator[tuple[int, bytes]]:
    """The messages of a streamed answer, each after the time it is due."""
    text = script.piece_text()
    piece = _prefixed(service.encode_reply(PIECE, text.decode()))
    interval_us = 1e6 / script.rate if script.rate else 0.0
    before, zeros, after = piece.rpartition(b"0" * STAMP_DIGITS)
    due_us = start_us
    for number in range(script.pieces):
        due_us = start_us + int(number * interval_us)
        yield due_us, before + stamp_digits(due_us) + after if zeros else piece
    yield due_us, _prefixed(service.encode_reply(END, None))


def unary(service: Service, script: Script, start_us: int) -> Iterator[tuple[int, bytes]]:
    """The one message of an unstreamed answer."""
    text = script.piece_text().decode() * script.pieces
    yield start_us, _prefixed(service.encode_reply(PIECE, text))


METHODS = {"Predict": unary, "PredictWithStream": streamed}


class _Turn(Enum):
    """How a call's turn ended."""

    MORE = "the next call's turn"
    NOT_DUE = "nothing is due yet"
    BLOCKED = "flow control holds it back"
    DONE = "all is sent"


class Call:
    """One answer on its way; ``due_us`` is when it can go on."""

    __slots__ = ("_messages", "_unsent", "cancelled", "due_us", "stream")

    def __init__(self, stream: Stream, messages: Iterator[tuple[int, bytes]]) -> None:
        self.stream = stream
        self.cancelled = False
        self._messages = messages
        self.due_us, self._unsent = next(messages)

    def take_turn(self, connection: ServerConnection, now_us: int) -> _Turn:
        for _ in range(_TURN_MESSAGES):
            if self.due_us > now_us:
                return _Turn.NOT_DUE
            sent = connection.send_data(self.stream, self._unsent)
            if sent < len(self._unsent):
                self._unsent = self._unsent[sent:]
                if not sent:
                    return _Turn.BLOCKED
                continue
            following = next(self._messages, None)
            if following is None:
                connection.send_headers(self.stream, _TRAILERS, end=True)
                return _Turn.DONE
            self.due_us, self._unsent = following
        return _Turn.MORE


class Peer:
    """One connection: its calls, and who of them may send."""

    def __init__(self) -> None:
        self.connection = ServerConnection()
        self._calls: dict[Stream, Call] = {}
        self._ready: deque[Call] = deque()
        self._blocked: list[Call] = []

    @property
    def busy(self) -> bool:
        """`pump` has something to do as soon as ``outgoing`` has room."""
        return bool(self._ready)

    @property
    def finished(self) -> bool:
        """The peer has said that it leaves, and has had its answers."""
        connection = self.connection
        return connection.peer_leaving and not connection.streams and not connection.outgoing

    def receive(self, data: bytes, now_us: int) -> None:
        """Take what came from the socket.

        :raises ConnectionBroken: after which only ``outgoing`` is of use.
        """
        for event in self.connection.receive(data):
            self._take(event, now_us)
        # Any of it may have been a window that opened.
        self._ready += self._blocked
        self._blocked.clear()

    def resume(self, call: Call) -> None:
        """The time has come that `pump` returned for ``call``."""
        if not call.cancelled:
            self._ready.append(call)

    def pump(self, now_us: int) -> list[Call]:
        """Put what may be sent into ``outgoing``; returns the calls that have
        to wait for their ``due_us``, to be handed to `resume` then."""
        waiting = []
        while self._ready and len(self.connection.outgoing) < _OUTGOING_BYTES:
            call = self._ready.popleft()
            if call.cancelled:
                continue
            match call.take_turn(self.connection, now_us):
                case _Turn.MORE:
                    self._ready.append(call)
                case _Turn.NOT_DUE:
                    waiting.append(call)
                case _Turn.BLOCKED:
                    self._blocked.append(call)
                case _Turn.DONE:
                    del self._calls[call.stream]
        return waiting

    def _take(self, event: Event, now_us: int) -> None:
        match event:
            case StreamReset(stream):
                call = self._calls.pop(stream, None)
                if call is not None:
                    call.cancelled = True
            case RequestReceived(stream):
                self._answer(stream, now_us)

    def _answer(self, stream: Stream, now_us: int) -> None:
        service_path, _, method = stream.headers.get(":path", "").rpartition("/")
        service, messages = SERVICES.get(service_path), METHODS.get(method)
        if service is None or messages is None:
            self._refuse(stream, UNIMPLEMENTED)
            return
        try:
            script = Script.parse(service.read_prompt(bytes(stream.body[5:])))
        except (NoScript, DecodeError):
            self._refuse(stream, INVALID_ARGUMENT)
            return
        self.connection.send_headers(stream, _HEADERS)
        call = Call(stream, messages(service, script, now_us))
        self._calls[stream] = call
        self._ready.append(call)

    def _refuse(self, stream: Stream, grpc_status: int) -> None:
        """Answer with trailers alone, as gRPC refuses a call."""
        headers = (*_RESPONSE, (b"grpc-status", b"%d" % grpc_status))
        self.connection.send_headers(stream, encode_headers(headers), end=True)
