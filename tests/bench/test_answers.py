"""One connection of the bench upstream, with no socket."""

from hpack import Decoder
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bench.answers import SERVICES, Peer
from bench.http2 import PREFACE, Frame, Kind, encode_frame
from bench.script import STAMP, Script, lateness_us
from piecesd._pb.gpt_pb2 import GptMessage, GptRequest, GptResponse
from piecesd._pb.vertex_pb2 import (
    VertexArguments,
    VertexContent,
    VertexRequest,
    VertexResponse,
)
from tests.bench.test_http2 import request, sent_frames, settings, window_update

GPT, VERTEX = SERVICES

NOW_US = 5_000_000


def gpt_body(prompt: str) -> bytes:
    message = GptMessage(role=1, text=f"user:{prompt};\r\n")
    body = GptRequest(model="gpt-4o", messages=[message]).SerializeToString()
    return bytes(4) + bytes([len(body)]) + body


def vertex_body(prompt: str) -> bytes:
    content = VertexContent(kind=1, text=f"user:{prompt};\r\n")
    arguments = VertexArguments(content=content)
    body = VertexRequest(model="gemini-pro", arguments=arguments).SerializeToString()
    return bytes(4) + bytes([len(body)]) + body


def messages(frames: list[Frame]) -> list[bytes]:
    """The gRPC messages of the DATA frames of one stream."""
    data = b"".join(frame.payload for frame in frames if frame.kind == Kind.DATA)
    found = []
    while data:
        size = int.from_bytes(data[1:5], "big")
        found.append(data[5 : 5 + size])
        data = data[5 + size :]
    return found


def trailers(frames: list[Frame]) -> dict[str, str]:
    decoded = Decoder().decode(frames[-1].payload)
    return {str(name): str(value) for name, value in decoded}


class PeerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.peer = Peer()
        self.peer.receive(PREFACE + settings(), NOW_US)
        sent_frames(self.peer.connection)

    def ask(self, script: Script, stream_id: int = 1) -> None:
        body = gpt_body(script.prompt())
        self.peer.receive(request(stream_id, body, f"{GPT}/PredictWithStream"), NOW_US)

    def pumped(self, now_us: int = NOW_US) -> list[Frame]:
        """What is sent when the socket takes everything at once."""
        frames: list[Frame] = []
        while True:
            self.peer.pump(now_us)
            new = [
                frame
                for frame in sent_frames(self.peer.connection)
                if frame.kind in (Kind.DATA, Kind.HEADERS)
            ]
            if not new:
                return frames
            frames += new

    def test_an_answer_is_its_pieces_then_the_end_then_a_good_status(self) -> None:
        self.ask(Script(pieces=3))
        frames = self.pumped()
        replies = [GptResponse.FromString(message) for message in messages(frames)]
        self.assertEqual([reply.response_code for reply in replies], [200, 200, 200, 204])
        self.assertEqual(replies[0].body.choice.message.text, " piece")
        self.assertFalse(replies[3].HasField("body"))
        self.assertEqual(trailers(frames), {"grpc-status": "0"})

    def test_the_vertex_service_answers_in_its_own_messages(self) -> None:
        body = vertex_body(Script(pieces=1, piece_bytes=12).prompt())
        self.peer.receive(request(1, body, f"{VERTEX}/PredictWithStream"), NOW_US)
        first, last = map(VertexResponse.FromString, messages(self.pumped()))
        self.assertEqual((first.response_code, last.response_code), (200, 204))
        self.assertEqual(first.reply.body.content.text, " piece word ")

    def test_an_unstreamed_answer_is_one_message(self) -> None:
        body = gpt_body(Script(pieces=3).prompt())
        self.peer.receive(request(1, body, f"{GPT}/Predict"), NOW_US)
        (reply,) = map(GptResponse.FromString, messages(self.pumped()))
        self.assertEqual(reply.body.choice.message.text, " piece piece piece")

    def test_paced_pieces_come_when_they_are_due_and_say_when_that_was(self) -> None:
        self.ask(Script(pieces=2, rate=10.0))
        self.assertEqual(len(messages(self.pumped())), 1)
        self.assertEqual(self.pumped(NOW_US + 99_999), [])
        self.peer.receive(request(3, b"", "/nowhere"), NOW_US)
        self.assertEqual(messages(self.pumped(NOW_US + 100_000)), [])

    def test_a_call_that_waits_goes_on_when_it_is_resumed(self) -> None:
        self.ask(Script(pieces=2, rate=10.0))
        (waiting,) = self.peer.pump(NOW_US)
        self.assertEqual(waiting.due_us, NOW_US + 100_000)
        sent_frames(self.peer.connection)
        self.peer.resume(waiting)
        late_us = 250
        piece, _end = messages(self.pumped(waiting.due_us))
        (digits,) = STAMP.findall(piece)
        self.assertEqual(lateness_us(digits, waiting.due_us + late_us), late_us)

    def test_no_byte_is_sent_that_the_peer_has_no_room_for(self) -> None:
        self.peer.receive(settings(window=100), NOW_US)
        self.ask(Script(pieces=10, piece_bytes=30))
        sent = sum(len(frame.payload) for frame in self.pumped() if frame.kind == Kind.DATA)
        self.assertEqual(sent, 100)

    @given(st.lists(st.integers(1, 200), min_size=1, max_size=20))
    def test_an_answer_is_the_same_whatever_windows_it_goes_through(
        self, increments: list[int]
    ) -> None:
        self.setUp()
        self.peer.receive(settings(window=0), NOW_US)
        self.ask(Script(pieces=4))
        frames = self.pumped()
        for increment in [*increments, 2_000]:
            self.peer.receive(window_update(1, increment), NOW_US)
            frames += self.pumped()
        codes = [GptResponse.FromString(message).response_code for message in messages(frames)]
        self.assertEqual(codes, [200, 200, 200, 200, 204])

    def test_calls_take_turns(self) -> None:
        self.ask(Script(pieces=100), 1)
        self.ask(Script(pieces=100), 3)
        order = [frame.stream_id for frame in self.pumped() if frame.kind == Kind.DATA]
        self.assertLess(order.index(3), 50)

    def test_a_slow_socket_holds_calls_back(self) -> None:
        self.peer.receive(settings(window=10_000_000) + window_update(0, 10_000_000), NOW_US)
        self.ask(Script(pieces=1_000, piece_bytes=1_000))
        self.peer.pump(NOW_US)
        self.peer.pump(NOW_US)
        self.assertLess(len(self.peer.connection.outgoing), 110_000)
        self.assertTrue(self.peer.busy)

    def test_a_cancelled_call_sends_nothing_more(self) -> None:
        self.ask(Script(pieces=100, rate=10.0))
        (waiting,) = self.peer.pump(NOW_US)
        sent_frames(self.peer.connection)
        self.peer.receive(encode_frame(Kind.RST_STREAM, 0, 1, bytes(4)), NOW_US)
        self.peer.resume(waiting)
        self.assertEqual(self.pumped(NOW_US + 10_000_000), [])

    def test_a_peer_that_leaves_has_its_answers_first(self) -> None:
        self.ask(Script(pieces=1))
        self.peer.receive(encode_frame(Kind.GOAWAY, 0, 0, bytes(8)), NOW_US)
        self.assertFalse(self.peer.finished)
        self.assertEqual(len(messages(self.pumped())), 2)
        self.assertTrue(self.peer.finished)

    def test_unknown_methods_and_prompts_without_a_script_are_refused(self) -> None:
        for path, body, status in (
            (f"{GPT}/Nothing", b"", "12"),
            ("/other.Service/Predict", b"", "12"),
            (f"{GPT}/Predict", gpt_body("hello"), "3"),
            (f"{GPT}/Predict", b"\0\0\0\0\x01\xff", "3"),
        ):
            self.setUp()
            self.peer.receive(request(1, body, path), NOW_US)
            frames = sent_frames(self.peer.connection)
            self.assertEqual(trailers(frames)["grpc-status"], status)
