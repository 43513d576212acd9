"""The bench upstream as a real gRPC client sees it."""

import time

import grpc
from twisted.trial.unittest import SynchronousTestCase

from bench.children import DidNotStart, started_upstream
from bench.direct import DirectClient
from bench.script import STAMP, Script, lateness_us
from bench.upstream import monotonic_us
from piecesd._pb.gpt_pb2 import GptMessage, GptRequest
from piecesd._pb.gpt_pb2_grpc import GPTInferenceServiceStub
from piecesd._pb.vertex_pb2 import VertexArguments, VertexContent, VertexRequest
from piecesd._pb.vertex_pb2_grpc import VertexInferenceServiceStub


def gpt_request(prompt: str) -> GptRequest:
    return GptRequest(model="gpt-4o", messages=[GptMessage(role=1, text=prompt)])


class UpstreamTests(SynchronousTestCase):
    def setUp(self) -> None:
        upstream = started_upstream()
        _, self.port = upstream.__enter__()
        self.addCleanup(upstream.__exit__, None, None, None)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        self.addCleanup(self.channel.close)
        self.gpt = GPTInferenceServiceStub(self.channel)

    def test_a_long_stream_comes_whole(self) -> None:
        replies = self.gpt.PredictWithStream(gpt_request(Script(pieces=5_000).prompt()), timeout=20)
        codes = [reply.response_code for reply in replies]
        self.assertEqual(codes, [200] * 5_000 + [204])

    def test_pieces_larger_than_frames_and_windows_come_whole(self) -> None:
        script = Script(pieces=3, piece_bytes=300_000)
        replies = self.gpt.PredictWithStream(gpt_request(script.prompt()), timeout=20)
        texts = [reply.body.choice.message.text for reply in replies]
        self.assertEqual([len(text) for text in texts], [300_000] * 3 + [0])

    def test_many_streams_share_a_connection(self) -> None:
        request = gpt_request(Script(pieces=50, rate=500.0).prompt())
        calls = [self.gpt.PredictWithStream(request, timeout=20) for _ in range(50)]
        self.assertEqual([len(list(call)) for call in calls], [51] * 50)

    def test_paced_pieces_arrive_soon_after_they_are_due(self) -> None:
        request = gpt_request(Script(pieces=20, rate=20.0).prompt())
        late = [
            lateness_us(digits, monotonic_us())
            for reply in self.gpt.PredictWithStream(request, timeout=20)
            for digits in STAMP.findall(reply.SerializeToString())
        ]
        self.assertEqual(len(late), 20)
        self.assertGreaterEqual(min(late), 0)
        # If all came at the end, it would be half a second.
        self.assertLess(sorted(late)[10], 250_000)

    def test_the_other_methods_answer_too(self) -> None:
        prompt = Script(pieces=2).prompt()
        reply = self.gpt.Predict(gpt_request(prompt), timeout=20)
        self.assertEqual(reply.body.choice.message.text, " piece piece")
        arguments = VertexArguments(content=VertexContent(kind=1, text=prompt))
        vertex = VertexInferenceServiceStub(self.channel)
        request = VertexRequest(model="gemini-pro", arguments=arguments)
        codes = [item.response_code for item in vertex.PredictWithStream(request, timeout=20)]
        self.assertEqual(codes, [200, 200, 204])

    def test_a_cancelled_stream_leaves_the_connection_in_order(self) -> None:
        request = gpt_request(Script(pieces=100_000).prompt())
        for _ in range(5):
            call = self.gpt.PredictWithStream(request, timeout=20)
            next(call)
            call.cancel()
        reply = self.gpt.Predict(gpt_request(Script(pieces=1).prompt()), timeout=20)
        self.assertEqual(reply.response_code, 200)

    def test_what_it_cannot_answer_it_refuses(self) -> None:
        with self.assertRaises(grpc.RpcError) as caught:
            self.gpt.Predict(gpt_request("hello"), timeout=20)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_the_direct_client_times_a_first_piece(self) -> None:
        direct = DirectClient(f"127.0.0.1:{self.port}")
        self.addCleanup(direct.close)
        started = time.monotonic()
        seconds = direct.first_piece_seconds(Script(pieces=3, rate=4.0))
        whole_seconds = time.monotonic() - started
        self.assertGreater(seconds, 0)
        self.assertLess(seconds, whole_seconds - 0.1)

    def test_a_port_that_is_taken_is_told(self) -> None:
        upstream = started_upstream(self.port)
        self.assertRaises(DidNotStart, upstream.__enter__)
