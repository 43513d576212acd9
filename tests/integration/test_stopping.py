"""Signals: what becomes of the requests under way, and of the process."""

import signal
import socket
from contextlib import closing
from errno import ECONNREFUSED
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import at, eventually, start, start_upstream
from tests.integration.status import await_calls
from tests.integration.web import Exchange, get, open_chat, stream_chat

SIGNALS = (signal.SIGTERM, signal.SIGINT)
AT_ONCE_SECONDS = 3.0
"""For what should take milliseconds, on a busy machine."""

NEVER = "[[fault: stall]]"
BEGINS_ONLY = "[[fault: after=3 stall]]"


def refuses_connections(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == ECONNREFUSED


class IdleTests(SynchronousTestCase):
    def test_an_idle_daemon_ends_with_status_0_and_a_whole_log(self) -> None:
        for number in SIGNALS:
            daemon = start(self, LOG_FILE="pieces.log")
            get(daemon.port, "/v1/models", {"x-request-id": "the-last-one"})
            daemon.signal(number)
            self.assertEqual(daemon.exit_status(AT_ONCE_SECONDS), 0)
            log = (daemon.directory / "pieces.log").read_text()
            self.assertIn("the-last-one", log)
            self.assertEqual(log.splitlines(), daemon.lines)
            self.assertIn("Server Shut Down", daemon.lines[-1])

    def test_it_can_be_told_to_end_as_soon_as_it_says_that_it_listens(self) -> None:
        for _ in range(3):
            self.assertEqual(start(self).stop(), 0)

    def test_idle_connections_do_not_hold_it_up(self) -> None:
        daemon = start(self)
        with socket.create_connection(("127.0.0.1", daemon.port)) as silent:
            kept = Exchange(daemon.port, "GET", "/ping")
            self.assertEqual(kept.response.read(), b"pong")
            daemon.signal(signal.SIGTERM)
            self.assertEqual(daemon.exit_status(AT_ONCE_SECONDS), 0)
            self.assertEqual(silent.recv(1), b"")
            self.assertEqual(kept.socket.recv(1), b"")
            kept.leave()

    def test_channels_that_are_still_connecting_do_not_hold_it_up(self) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            address = f"grpc://127.0.0.1:{silent.getsockname()[1]}"
            daemon = start(self, GPT_GRPC_ADDR=address, DRAIN_TIMEOUT="0.2")
            waiting = open_chat(daemon.port, "hello", stream=True)
            await_calls(daemon)
            daemon.signal(signal.SIGTERM)
            self.assertEqual(waiting.reply().status, 503)
            self.assertEqual(daemon.exit_status(AT_ONCE_SECONDS), 0)


class BusyTests(SynchronousTestCase):
    def test_a_stream_that_ends_in_time_is_whole_and_nothing_new_is_taken(self) -> None:
        for number in SIGNALS:
            daemon = start(self, ECHO_DELAY="0.02")
            stream = open_chat(daemon.port, "hello", stream=True)
            begin = stream.next_text()
            daemon.signal(number)
            daemon.wait_for("Stopping")
            self.assertTrue(eventually(partial(refuses_connections, daemon.port)))
            answer = stream.streamed()
            self.assertEqual((answer.finish_reasons, answer.is_done), (["stop"], True))
            self.assertTrue(begin.startswith("This"), begin)
            self.assertTrue(answer.text.endswith("says: hello"), answer.text)
            self.assertEqual(daemon.exit_status(AT_ONCE_SECONDS), 0)
            self.assertEqual(len(daemon.matching("chat/completions -> 200 .* ok ")), 1)

    def test_what_does_not_end_in_time_ends_with_an_error_and_is_no_whole_answer(self) -> None:
        for upstream in (None, start_upstream(self)):
            settings = {"UPSTREAM_FAULTS": "true"} if upstream is None else at(upstream)
            for number in SIGNALS:
                daemon = start(self, DRAIN_TIMEOUT="0.3", **settings)
                begun = open_chat(daemon.port, BEGINS_ONLY, stream=True)
                begun.next_text()
                not_begun = open_chat(daemon.port, NEVER, stream=True)
                unary = open_chat(daemon.port, NEVER, n=2)
                await_calls(daemon, 4)
                daemon.signal(number)
                answer = begun.streamed()
                self.assertEqual(answer.error["code"], "shutting_down")
                self.assertEqual((answer.finish_reasons, answer.is_done), ([], False))
                for each in (not_begun.reply(), unary.reply()):
                    self.assertEqual((each.status, each.error["code"]), (503, "shutting_down"))
                self.assertEqual(daemon.exit_status(AT_ONCE_SECONDS), 0)
                self.assertEqual(len(daemon.matching("chat/completions -> 200 .* broken ")), 1)
                self.assertEqual(len(daemon.matching("chat/completions -> 503 .* error ")), 2)

    def test_a_second_signal_ends_at_once_what_is_left(self) -> None:
        for first, second in (SIGNALS, SIGNALS[::-1]):
            daemon = start(self, DRAIN_TIMEOUT="60", UPSTREAM_FAULTS="true")
            stream = open_chat(daemon.port, BEGINS_ONLY, stream=True)
            stream.next_text()
            daemon.signal(first)
            daemon.wait_for("Stopping")
            daemon.signal(second)
            self.assertEqual(daemon.exit_status(AT_ONCE_SECONDS), 0)
            self.assertEqual(stream.streamed().error["code"], "shutting_down")

    def test_two_signals_in_a_row_end_at_once(self) -> None:
        daemon = start(self, DRAIN_TIMEOUT="60", UPSTREAM_FAULTS="true")
        stream = open_chat(daemon.port, BEGINS_ONLY, stream=True)
        stream.next_text()
        for number in SIGNALS:
            daemon.signal(number)
        self.assertEqual(daemon.exit_status(AT_ONCE_SECONDS), 0)
        self.assertFalse(stream.streamed().is_done)

    def test_a_client_that_does_not_read_can_not_hold_it_up(self) -> None:
        daemon = start(self, DRAIN_TIMEOUT="0.3", UPSTREAM_FAULTS="true")
        flood = open_chat(daemon.port, "[[fault: pieces=9999 size=9999]]", stream=True)
        flood.next_text()
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.exit_status(AT_ONCE_SECONDS), 0)
        flood.leave()

    def test_tokens_that_are_being_counted_do_not_hold_it_up(self) -> None:
        daemon = start(self, DRAIN_TIMEOUT="0.3", UPSTREAM_FAULTS="true")
        # 30 MB, which take some seconds to count.
        stream = open_chat(daemon.port, "[[fault: pieces=10 size=3000000]]", stream=True)
        received = 0
        while received < 30_000_000:
            received += len(stream.response.read1())
        daemon.signal(signal.SIGTERM)
        self.assertIn(b"shutting_down", stream.response.read())
        self.assertEqual(daemon.exit_status(AT_ONCE_SECONDS), 0)

    def test_after_its_end_the_port_is_free_for_the_next_daemon(self) -> None:
        daemon = start(self, ECHO_DELAY="0")
        self.assertTrue(stream_chat(daemon.port, "hello").is_done)
        self.assertEqual(daemon.stop(), 0)
        successor = start(self, PORT=str(daemon.port), ECHO_DELAY="0")
        self.assertTrue(stream_chat(successor.port, "hello").is_done)
