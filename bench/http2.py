"""The server's side of HTTP/2 (RFC 9113) with no I/O, as far as gRPC needs it.

Bytes go in by `ServerConnection.receive`, which returns what they mean; bytes
to be sent gather in `ServerConnection.outgoing`. Cleartext with prior
knowledge only. Response headers are plain literals (RFC 7541 §6.2.2): nothing
is remembered between responses, so their bytes can be made once.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from hpack import Decoder, HPACKError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Kind(IntEnum):
    """Types of frames (RFC 9113 §6)."""

    DATA = 0x0
    HEADERS = 0x1
    PRIORITY = 0x2
    RST_STREAM = 0x3
    SETTINGS = 0x4
    PING = 0x6
    GOAWAY = 0x7
    WINDOW_UPDATE = 0x8
    CONTINUATION = 0x9


class Code(IntEnum):
    """Error codes (RFC 9113 §7)."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    FLOW_CONTROL_ERROR = 0x3
    FRAME_SIZE_ERROR = 0x6
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9


END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITISED = 0x20

INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 0x4, 0x5

DEFAULT_WINDOW_BYTES = 65_535
DEFAULT_FRAME_BYTES = 16_384
MAX_WINDOW_BYTES = 2**31 - 1

_HEADER = struct.Struct(">IBI")
_HEADER_BYTES = _HEADER.size
_FIXED_BYTES: dict[int, int] = {
    Kind.RST_STREAM: 4,
    Kind.PING: 8,
    Kind.WINDOW_UPDATE: 4,
    Kind.PRIORITY: 5,
}


class ConnectionBroken(Exception):
    """The peer broke the rules; ``code`` is the RFC 9113 §7 error code."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Frame:
    kind: int
    flags: int
    stream_id: int
    payload: bytes


def encode_frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """One frame (RFC 9113 §4.1)."""
    return _HEADER.pack(len(payload) << 8 | kind, flags, stream_id) + payload


class FrameReader:
    """Cuts a byte stream into frames, however it is split."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that ``data`` completes.

        :raises ConnectionBroken: a frame is longer than RFC 9113 lets a peer
            send that was told no other limit.
        """
        buffer = self._rest + data
        at = 0
        try:
            while len(buffer) - at >= _HEADER_BYTES:
                length_and_kind, flags, stream_id = _HEADER.unpack_from(buffer, at)
                length = length_and_kind >> 8
                if length > DEFAULT_FRAME_BYTES:
                    raise ConnectionBroken(Code.FRAME_SIZE_ERROR, f"a frame of {length} bytes")
                start = at + _HEADER_BYTES
                if len(buffer) < start + length:
                    break
                at = start + length
                yield Frame(length_and_kind & 0xFF, flags, stream_id & 0x7FFFFFFF, buffer[start:at])
        finally:
            self._rest = buffer[at:]


def _literal(text: bytes) -> bytes:
    if len(text) > 126:
        raise ValueError("literals longer than 126 bytes are not needed here")
    return bytes([len(text)]) + text


def encode_headers(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A header block that neither uses nor fills the dynamic table."""
    return b"".join(b"\x00" + _literal(name) + _literal(value) for name, value in headers)


class Stream:
    """One request, and how much of its answer the peer will take."""

    __slots__ = ("body", "headers", "stream_id", "window_bytes")

    def __init__(self, stream_id: int, headers: dict[str, str], window_bytes: int) -> None:
        self.stream_id = stream_id
        self.headers = headers
        self.window_bytes = window_bytes
        self.body = bytearray()


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A request is whole: its headers and its body."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class StreamReset:
    """The peer wants no more of this stream."""

    stream: Stream


Event = RequestReceived | StreamReset


class ServerConnection:
    """What one connection knows.

    ``outgoing`` is cut from the front by whoever sends it. ``peer_leaving``: a
    GOAWAY has come, so the connection ends once ``streams`` is empty.
    """

    def __init__(self) -> None:
        self.outgoing = bytearray(encode_frame(Kind.SETTINGS, 0, 0))
        self.streams: dict[int, Stream] = {}
        self.peer_leaving = False
        self.window_bytes = DEFAULT_WINDOW_BYTES
        self._stream_window_bytes = DEFAULT_WINDOW_BYTES
        self._max_frame_bytes = DEFAULT_FRAME_BYTES
        self._preface_to_come = PREFACE
        self._reader = FrameReader()
        self._hpack = Decoder()
        self._last_stream_id = 0
        self._open_block: tuple[int, int, bytes] | None = None

    def receive(self, data: bytes) -> list[Event]:
        """What ``data`` means; answers that need no decision (acknowledgements,
        windows for what was read) are put into ``outgoing``.

        :raises ConnectionBroken: the peer broke the rules; see `break_off`.
        """
        events: list[Event] = []
        for frame in self._reader.feed(self._skip_preface(data)):
            events += self._take(frame)
        return events

    def break_off(self, error: ConnectionBroken) -> None:
        """Put the last frame of a broken connection into ``outgoing``."""
        detail = struct.pack(">II", self._last_stream_id, error.code) + str(error).encode()
        self.outgoing += encode_frame(Kind.GOAWAY, 0, 0, detail)

    def send_headers(self, stream: Stream, block: bytes, *, end: bool = False) -> None:
        """Put a header block that fits one frame into ``outgoing``; ``end``
        makes it the last of its stream."""
        flags = END_HEADERS | (END_STREAM if end else 0)
        self.outgoing += encode_frame(Kind.HEADERS, flags, stream.stream_id, block)
        if end:
            del self.streams[stream.stream_id]

    def send_data(self, stream: Stream, data: bytes) -> int:
        """Put as much of ``data`` as both windows and one frame let pass into
        ``outgoing``, and say how many bytes that was."""
        size = min(len(data), stream.window_bytes, self.window_bytes, self._max_frame_bytes)
        if size <= 0:
            return 0
        self.outgoing += _HEADER.pack(size << 8 | Kind.DATA, 0, stream.stream_id)
        self.outgoing += data if size == len(data) else data[:size]
        stream.window_bytes -= size
        self.window_bytes -= size
        return size

    def _skip_preface(self, data: bytes) -> bytes:
        expected = self._preface_to_come
        if not expected:
            return data
        size = min(len(expected), len(data))
        if data[:size] != expected[:size]:
            raise ConnectionBroken(Code.PROTOCOL_ERROR, "no HTTP/2 connection preface")
        self._preface_to_come = expected[size:]
        return data[size:]

    def _take(self, frame: Frame) -> list[Event]:
        if (self._open_block is not None) != (frame.kind == Kind.CONTINUATION):
            raise ConnectionBroken(Code.PROTOCOL_ERROR, "a header block that is not continued")
        if len(frame.payload) != _FIXED_BYTES.get(frame.kind, len(frame.payload)):
            raise ConnectionBroken(Code.FRAME_SIZE_ERROR, "a frame of a wrong size")
        match frame.kind:
            case Kind.DATA:
                return self._take_data(frame)
            case Kind.HEADERS:
                return self._take_headers(frame)
            case Kind.RST_STREAM:
                stream = self.streams.pop(frame.stream_id, None)
                return [StreamReset(stream)] if stream else []
            case Kind.SETTINGS:
                self._take_settings(frame)
            case Kind.PING if not frame.flags & ACK:
                self.outgoing += encode_frame(Kind.PING, ACK, 0, frame.payload)
            case Kind.GOAWAY:
                self.peer_leaving = True
            case Kind.WINDOW_UPDATE:
                self._take_window_update(frame)
            case Kind.CONTINUATION:
                return self._take_continuation(frame)
        return []

    def _take_data(self, frame: Frame) -> list[Event]:
        if frame.payload:
            update = struct.pack(">I", len(frame.payload))
            self.outgoing += encode_frame(Kind.WINDOW_UPDATE, 0, 0, update)
        stream = self.streams.get(frame.stream_id)
        if stream is None:
            return []
        stream.body += _without_padding(frame)
        if frame.flags & END_STREAM:
            return [RequestReceived(stream)]
        if frame.payload:
            self.outgoing += encode_frame(Kind.WINDOW_UPDATE, 0, frame.stream_id, update)
        return []

    def _take_headers(self, frame: Frame) -> list[Event]:
        block = _without_padding(frame)
        if frame.flags & PRIORITISED:
            block = block[5:]
        return self._take_block(frame.stream_id, frame.flags, block, frame.flags & END_HEADERS)

    def _take_continuation(self, frame: Frame) -> list[Event]:
        assert self._open_block is not None
        stream_id, flags, block = self._open_block
        if frame.stream_id != stream_id:
            raise ConnectionBroken(Code.PROTOCOL_ERROR, "a header block of two streams")
        return self._take_block(stream_id, flags, block + frame.payload, frame.flags & END_HEADERS)

    def _take_block(self, stream_id: int, flags: int, block: bytes, whole: int) -> list[Event]:
        if not whole:
            self._open_block = stream_id, flags, block
            return []
        self._open_block = None
        try:
            headers = {str(name): str(value) for name, value in self._hpack.decode(block)}
        except HPACKError as error:
            raise ConnectionBroken(Code.COMPRESSION_ERROR, "an unreadable header block") from error
        stream = self.streams.get(stream_id)
        if stream is None:
            if stream_id % 2 == 0 or stream_id <= self._last_stream_id:
                raise ConnectionBroken(Code.PROTOCOL_ERROR, f"stream {stream_id} can't be opened")
            self._last_stream_id = stream_id
            stream = Stream(stream_id, headers, self._stream_window_bytes)
            self.streams[stream_id] = stream
        return [RequestReceived(stream)] if flags & END_STREAM else []

    def _take_settings(self, frame: Frame) -> None:
        if frame.flags & ACK:
            return
        if len(frame.payload) % 6:
            raise ConnectionBroken(Code.FRAME_SIZE_ERROR, "SETTINGS of a wrong size")
        for name, value in struct.iter_unpack(">HI", frame.payload):
            if name == INITIAL_WINDOW_SIZE:
                self._resize_windows(value)
            elif name == MAX_FRAME_SIZE:
                self._max_frame_bytes = value
        self.outgoing += encode_frame(Kind.SETTINGS, ACK, 0)

    def _resize_windows(self, size: int) -> None:
        """Open streams take the difference, which may leave a window below
        zero (RFC 9113 §6.9.2)."""
        if size > MAX_WINDOW_BYTES:
            raise ConnectionBroken(Code.FLOW_CONTROL_ERROR, "a window past 2^31-1")
        for stream in self.streams.values():
            stream.window_bytes += size - self._stream_window_bytes
        self._stream_window_bytes = size

    def _take_window_update(self, frame: Frame) -> None:
        increment = int.from_bytes(frame.payload, "big") & 0x7FFFFFFF
        if not increment:
            raise ConnectionBroken(Code.PROTOCOL_ERROR, "a WINDOW_UPDATE of 0")
        owner = self.streams.get(frame.stream_id) if frame.stream_id else self
        if owner is None:
            return
        owner.window_bytes += increment
        if owner.window_bytes > MAX_WINDOW_BYTES:
            raise ConnectionBroken(Code.FLOW_CONTROL_ERROR, "a window past 2^31-1")


def _without_padding(frame: Frame) -> bytes:
    if not frame.flags & PADDED:
        return frame.payload
    padding = frame.payload[0] if frame.payload else 0
    if padding >= len(frame.payload):
        raise ConnectionBroken(Code.PROTOCOL_ERROR, "padding longer than its frame")
    return frame.payload[1 : len(frame.payload) - padding]
