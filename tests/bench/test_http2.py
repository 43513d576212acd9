"""The server's side of HTTP/2, driven by frames made here."""

import struct
from itertools import pairwise

from hpack import Decoder, Encoder
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bench.http2 import (
    ACK,
    DEFAULT_WINDOW_BYTES,
    END_HEADERS,
    END_STREAM,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    MAX_WINDOW_BYTES,
    PADDED,
    PREFACE,
    PRIORITISED,
    Code,
    ConnectionBroken,
    Frame,
    FrameReader,
    Kind,
    RequestReceived,
    ServerConnection,
    Stream,
    StreamReset,
    encode_frame,
    encode_headers,
)

frames = st.builds(
    Frame,
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 2**31 - 1),
    st.binary(max_size=60),
)


def settings(**values: int) -> bytes:
    names = {"window": INITIAL_WINDOW_SIZE, "frame": MAX_FRAME_SIZE}
    payload = b"".join(struct.pack(">HI", names[name], value) for name, value in values.items())
    return encode_frame(Kind.SETTINGS, 0, 0, payload)


def window_update(stream_id: int, increment: int) -> bytes:
    return encode_frame(Kind.WINDOW_UPDATE, 0, stream_id, struct.pack(">I", increment))


def request(stream_id: int, body: bytes = b"", path: str = "/a/B") -> bytes:
    block = Encoder().encode([(":method", "POST"), (":path", path)])
    return encode_frame(Kind.HEADERS, END_HEADERS, stream_id, block) + encode_frame(
        Kind.DATA, END_STREAM, stream_id, body
    )


def sent_frames(connection: ServerConnection) -> list[Frame]:
    sent = list(FrameReader().feed(bytes(connection.outgoing)))
    connection.outgoing.clear()
    return sent


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


class FrameTests(SynchronousTestCase):
    @given(st.lists(frames, max_size=8), st.lists(st.integers(min_value=0), max_size=8))
    def test_frames_are_read_as_they_were_written_however_they_are_split(
        self, written: list[Frame], places: list[int]
    ) -> None:
        data = b"".join(
            encode_frame(item.kind, item.flags, item.stream_id, item.payload) for item in written
        )
        reader = FrameReader()
        read = [item for part in cut(data, places) for item in reader.feed(part)]
        self.assertEqual(read, written)

    def test_a_frame_longer_than_allowed_breaks_the_connection(self) -> None:
        with self.assertRaises(ConnectionBroken) as caught:
            list(FrameReader().feed(encode_frame(Kind.DATA, 0, 1, bytes(16_385))))
        self.assertEqual(caught.exception.code, Code.FRAME_SIZE_ERROR)

    @given(st.lists(st.tuples(st.binary(min_size=1, max_size=126), st.binary(max_size=126))))
    def test_header_blocks_are_valid_hpack(self, headers: list[tuple[bytes, bytes]]) -> None:
        decoder = Decoder(max_header_list_size=1_000_000)
        decoded = decoder.decode(encode_headers(headers), raw=True)
        self.assertEqual([tuple(pair) for pair in decoded], headers)


class ConnectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.connection = ServerConnection()
        self.connection.receive(PREFACE + settings())
        sent_frames(self.connection)

    def open_stream(self, stream_id: int = 1) -> Stream:
        (event,) = self.connection.receive(request(stream_id))
        assert isinstance(event, RequestReceived)
        return event.stream

    def assert_broken(self, code: Code, data: bytes) -> None:
        with self.assertRaises(ConnectionBroken) as caught:
            self.connection.receive(data)
        self.assertEqual(caught.exception.code, code)

    @given(st.lists(st.integers(min_value=0), max_size=20))
    def test_a_request_arrives_however_its_bytes_are_split(self, places: list[int]) -> None:
        connection = ServerConnection()
        data = PREFACE + settings() + request(1, b"body", "/a/B")
        events = [event for part in cut(data, places) for event in connection.receive(part)]
        (event,) = events
        assert isinstance(event, RequestReceived)
        self.assertEqual(bytes(event.stream.body), b"body")
        self.assertEqual(event.stream.headers[":path"], "/a/B")

    def test_another_protocol_is_refused(self) -> None:
        self.connection = ServerConnection()
        self.assert_broken(Code.PROTOCOL_ERROR, b"GET / HTTP/1.1\r\n")

    @given(st.binary(max_size=200))
    def test_any_bytes_are_taken_or_break_the_connection(self, data: bytes) -> None:
        connection = ServerConnection()
        try:
            connection.receive(PREFACE + data)
        except ConnectionBroken as error:
            connection.break_off(error)
            self.assertEqual(sent_frames(connection)[-1].kind, Kind.GOAWAY)

    def test_settings_and_pings_are_acknowledged(self) -> None:
        self.connection.receive(settings() + encode_frame(Kind.PING, 0, 0, b"12345678"))
        self.assertEqual(
            sent_frames(self.connection),
            [Frame(Kind.SETTINGS, ACK, 0, b""), Frame(Kind.PING, ACK, 0, b"12345678")],
        )

    def test_acknowledgements_are_not_acknowledged(self) -> None:
        self.connection.receive(encode_frame(Kind.SETTINGS, ACK, 0))
        self.connection.receive(encode_frame(Kind.PING, ACK, 0, b"12345678"))
        self.assertEqual(sent_frames(self.connection), [])

    def test_what_was_read_of_a_body_may_be_sent_again(self) -> None:
        block = Encoder().encode([(":path", "/")])
        self.connection.receive(encode_frame(Kind.HEADERS, END_HEADERS, 1, block))
        self.connection.receive(encode_frame(Kind.DATA, 0, 1, b"12345"))
        grants = [(item.stream_id, item.payload) for item in sent_frames(self.connection)]
        self.assertEqual(grants, [(0, b"\0\0\0\x05"), (1, b"\0\0\0\x05")])

    def test_headers_may_be_padded_prioritised_and_continued(self) -> None:
        block = Encoder().encode([(":path", "/x/Y")])
        first = b"\x03" + b"\0\0\0\0\x10" + block[:2] + b"\0\0\0"
        flags = PADDED | PRIORITISED | END_STREAM
        self.connection.receive(encode_frame(Kind.HEADERS, flags, 1, first))
        (event,) = self.connection.receive(
            encode_frame(Kind.CONTINUATION, END_HEADERS, 1, block[2:])
        )
        assert isinstance(event, RequestReceived)
        self.assertEqual(event.stream.headers, {":path": "/x/Y"})

    def test_a_block_that_is_not_continued_breaks_the_connection(self) -> None:
        self.connection.receive(encode_frame(Kind.HEADERS, 0, 1, b""))
        self.assert_broken(Code.PROTOCOL_ERROR, settings())

    def test_data_stops_at_the_stream_window(self) -> None:
        self.connection.receive(settings(window=10))
        stream = self.open_stream()
        self.assertEqual(self.connection.send_data(stream, bytes(8)), 8)
        self.assertEqual(self.connection.send_data(stream, bytes(8)), 2)
        self.assertEqual(self.connection.send_data(stream, bytes(6)), 0)
        self.connection.receive(window_update(1, 4))
        self.assertEqual(self.connection.send_data(stream, bytes(6)), 4)

    def test_data_of_all_streams_stops_at_the_connection_window(self) -> None:
        self.connection.receive(settings(window=1_000_000, frame=1_000_000))
        left, right = self.open_stream(1), self.open_stream(3)
        self.assertEqual(self.connection.send_data(left, bytes(65_000)), 65_000)
        self.assertEqual(self.connection.send_data(right, bytes(1_000)), 535)
        self.connection.receive(window_update(0, 100))
        self.assertEqual(self.connection.send_data(left, bytes(1_000)), 100)

    def test_a_frame_is_no_longer_than_the_peer_takes(self) -> None:
        stream = self.open_stream()
        self.assertEqual(self.connection.send_data(stream, bytes(20_000)), 16_384)

    def test_a_smaller_initial_window_takes_back_what_open_streams_had(self) -> None:
        stream = self.open_stream()
        self.connection.send_data(stream, bytes(1_000))
        self.connection.receive(settings(window=400))
        self.assertEqual(stream.window_bytes, -600)
        self.assertEqual(self.connection.send_data(stream, b"x"), 0)

    def test_windows_have_an_end(self) -> None:
        self.assert_broken(Code.FLOW_CONTROL_ERROR, window_update(0, MAX_WINDOW_BYTES))
        self.assert_broken(Code.FLOW_CONTROL_ERROR, settings(window=MAX_WINDOW_BYTES + 1))
        self.assert_broken(Code.PROTOCOL_ERROR, window_update(0, 0))
        self.assertGreater(self.connection.window_bytes, DEFAULT_WINDOW_BYTES)

    def test_a_reset_is_told_once(self) -> None:
        stream = self.open_stream()
        reset = encode_frame(Kind.RST_STREAM, 0, 1, bytes(4))
        self.assertEqual(self.connection.receive(reset), [StreamReset(stream)])
        self.assertEqual(self.connection.receive(reset), [])

    def test_streams_are_not_opened_twice(self) -> None:
        self.connection.send_headers(self.open_stream(), b"", end=True)
        self.assert_broken(Code.PROTOCOL_ERROR, request(1))
