"""The load client against a server that says what it is told to."""

import socket
import threading
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from bench.http1 import Target
from bench.load import Exchange, LoadClient
from bench.script import Script
from bench.upstream import monotonic_us
from tests.bench.test_sse import DONE, ERROR, OTHER, PIECE

HEAD = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"


def stream(*events: bytes) -> bytes:
    return HEAD + b"".join(event + b"\n\n" for event in events)


def sized(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body


class LoadClientTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        port = self.listener.getsockname()[1]
        self.client = LoadClient(Target.from_url(f"http://127.0.0.1:{port}/v1", model="m"))
        self.addCleanup(self.client.close)

    def serve(self, connections: Sequence[Sequence[bytes]]) -> None:
        """Answer each connection's requests in turn, then close it."""

        def answer() -> None:
            for responses in connections:
                accepted, _ = self.listener.accept()
                with accepted:
                    for response in responses:
                        accepted.recv(65_536)
                        accepted.sendall(response)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 5)

    def streamed(self, response: bytes, pieces: int) -> Exchange:
        self.serve([[response]])
        exchange = self.client.start(Script(pieces=pieces))
        self.client.run(limit_seconds=5)
        return exchange

    def test_a_whole_stream_has_no_problem(self) -> None:
        exchange = self.streamed(stream(OTHER, PIECE, PIECE, OTHER, DONE), 2)
        self.assertEqual(exchange.problem, "")
        self.assertEqual(self.client.pieces, 2)
        self.assertTrue(exchange.started_us <= exchange.first_us <= exchange.finished_us)

    def test_a_lost_piece_is_a_problem(self) -> None:
        exchange = self.streamed(stream(PIECE, DONE), 2)
        self.assertEqual(exchange.problem, "1 pieces came, 2 were asked for")

    def test_pieces_joined_in_one_event_are_a_problem(self) -> None:
        exchange = self.streamed(stream(b"data:  piece piece", DONE), 2)
        self.assertEqual(exchange.problem, "1 content events came, 2 were asked for")

    def test_a_stream_without_its_end_is_a_problem(self) -> None:
        exchange = self.streamed(stream(PIECE), 1)
        self.assertEqual(exchange.problem, "the stream did not end with [DONE]")

    def test_an_error_in_the_stream_is_the_problem(self) -> None:
        exchange = self.streamed(stream(PIECE, ERROR), 2)
        self.assertEqual(exchange.problem, ERROR.decode())

    def test_another_status_is_a_problem_with_its_body(self) -> None:
        exchange = self.streamed(b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nfull", 1)
        self.assertEqual(exchange.problem, "status 503: full")

    def test_a_refused_connection_is_a_problem(self) -> None:
        self.listener.close()
        exchange = self.client.start(Script(pieces=1))
        self.client.run(limit_seconds=5)
        self.assertNotEqual(exchange.problem, "")

    def test_an_answer_that_never_ends_is_a_problem_at_the_limit(self) -> None:
        exchange = self.client.start(Script(pieces=1))
        self.client.run(limit_seconds=0.05)
        self.assertEqual(exchange.problem, "not complete after 0.05 s")

    def test_a_connection_is_used_again(self) -> None:
        self.serve([[sized(b" piece"), sized(b" piece piece")]])
        for pieces in (1, 2):
            exchange = self.client.start(Script(pieces=pieces), streamed=False)
            self.client.run(limit_seconds=5)
            self.assertEqual(exchange.problem, "")

    def test_the_end_of_one_exchange_may_start_the_next(self) -> None:
        self.serve([[sized(b" piece"), sized(b" piece")]])
        following: list[Exchange] = []
        script = Script(pieces=1)
        self.client.start(
            script,
            streamed=False,
            when_done=lambda done: following.append(self.client.start(script, streamed=False)),
        )
        self.client.run(limit_seconds=5)
        self.assertEqual([exchange.problem for exchange in following], [""])

    def test_timers_fire_in_their_order(self) -> None:
        now_us = monotonic_us()
        fired: list[str] = []
        self.client.at(now_us + 2_000, lambda: fired.append("later"))
        self.client.at(now_us + 1_000, lambda: fired.append("sooner"))
        self.client.run(limit_seconds=5)
        self.assertEqual(fired, ["sooner", "later"])

    def test_stamped_pieces_are_recorded_with_their_lateness(self) -> None:
        self.client.records_arrivals = True
        due_us = monotonic_us() - 7_000
        self.streamed(stream(b"data:  piece=%09d" % (due_us % 10**9), DONE), 1)
        (arrival,) = self.client.arrivals
        self.assertEqual(arrival.due_us, due_us)
        self.assertGreaterEqual(arrival.late_us, 7_000)
