"""Clients that leave, and clients that do not read."""

import time

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import at, eventually, start, start_upstream
from tests.integration.far_end import QueuedFarEnd, reply
from tests.integration.status import assert_idle, await_calls, calls_under_way
from tests.integration.web import chat, get, open_chat, stream_chat

MEBIBYTE = 1024 * 1024
CANCEL_SECONDS = 1.0
MODELS = ("gpt-4o", "gemini-1.5-pro")

NEVER = "[[fault: stall]]"
FLOOD = "[[fault: pieces=20000 size=10000]]"
"""200 MB."""


class LeavingTests(SynchronousTestCase):
    """What the upstream sees of it. All clients leave in good order, and by a
    TCP reset."""

    def setUp(self) -> None:
        self.server = QueuedFarEnd()
        self.addCleanup(self.server.stop)
        self.daemon = start(self, **at(self.server))

    def test_before_the_first_token(self) -> None:
        for stream in (False, True):
            for reset in (False, True):
                client = open_chat(self.daemon.port, "hello", stream=stream)
                call = self.server.next_call()
                client.leave(reset=reset)
                self.assertTrue(call.over(CANCEL_SECONDS), (stream, reset))
                assert_idle(self.daemon)
        self.daemon.wait_for("-> 499 in .* cancelled ", times=4)

    def test_in_mid_stream(self) -> None:
        for reset in (False, True):
            client = open_chat(self.daemon.port, "hello", stream=True)
            call = self.server.next_call()
            call.arrive("a", "b")
            self.assertEqual(client.next_text() + client.next_text(), "ab")
            client.leave(reset=reset)
            self.assertTrue(call.over(CANCEL_SECONDS), reset)
            assert_idle(self.daemon)
        self.daemon.wait_for("-> 200 in .* cancelled .* pieces=2", times=2)

    def test_while_text_comes_and_goes(self) -> None:
        for reset in (False, True):
            client = open_chat(self.daemon.port, "hello", stream=True)
            call = self.server.next_call()
            call.flood(reply("some words "))
            for _ in range(100):
                client.next_text()
            client.leave(reset=reset)
            self.assertTrue(call.over(CANCEL_SECONDS), reset)
            assert_idle(self.daemon)

    def test_each_of_several_choices_is_cancelled(self) -> None:
        for stream in (False, True):
            client = open_chat(self.daemon.port, "hello", n=5, stream=stream)
            calls = [self.server.next_call() for _ in range(5)]
            client.leave()
            for call in calls:
                self.assertTrue(call.over(CANCEL_SECONDS), stream)
            assert_idle(self.daemon)

    def test_while_another_attempt_is_waited_for(self) -> None:
        for stream in (False, True):
            client = open_chat(self.daemon.port, "hello", stream=stream)
            self.server.next_call().fail()
            self.daemon.wait_for(" retry 1 of 3 ", times=1 + stream)
            client.leave()
            self.daemon.wait_for("-> 499 in .* cancelled ", times=1 + stream)
            assert_idle(self.daemon)
            self.assertEqual(self.daemon.matching(" retry 2 "), [])

    def test_the_calls_of_the_other_service_are_cancelled_as_well(self) -> None:
        upstream = start_upstream(self)
        daemon = start(self, **at(upstream))
        chat(daemon.port, "hello", model="gemini-1.5-pro")
        for number, stream in enumerate((False, True), start=1):
            client = open_chat(daemon.port, NEVER, model="gemini-1.5-pro", stream=stream)
            await_calls(daemon)
            time.sleep(0.2)  # until it is there, too
            client.leave()
            upstream.wait_for("gemini.* cancelled$", CANCEL_SECONDS, times=number)


class UnreadTests(SynchronousTestCase):
    def test_200_megabytes_that_a_client_does_not_read_do_not_pile_up(self) -> None:
        upstream = start_upstream(self)
        daemon = start(self, **at(upstream))
        for model in MODELS:
            stream_chat(daemon.port, "hello", model=model)
        before_bytes = daemon.resident_bytes
        client = open_chat(daemon.port, FLOOD, stream=True, receive_buffer_bytes=8192)
        client.next_text()
        highest_bytes = 0
        until = time.monotonic() + 2.0
        while time.monotonic() < until:
            for model in MODELS:
                self.assertEqual(chat(daemon.port, "hello", model=model).status, 200)
                self.assertTrue(stream_chat(daemon.port, "hello", model=model).is_done)
            highest_bytes = max(highest_bytes, daemon.resident_bytes)
        self.assertLess(highest_bytes - before_bytes, 60 * MEBIBYTE)
        await_calls(daemon, 1)
        client.leave()
        cancelled = upstream.wait_for(r"(\d+) pieces .* cancelled$", CANCEL_SECONDS)
        self.assertLess(int(cancelled[1]), 2_000)
        assert_idle(daemon)

    def test_many_clients_that_do_not_read_stop_nobody(self) -> None:
        daemon = start(self, UPSTREAM_FAULTS="true", ECHO_DELAY="0")
        stream_chat(daemon.port, "hello")
        before_bytes = daemon.resident_bytes
        clients = [
            open_chat(daemon.port, FLOOD, stream=True, receive_buffer_bytes=8192) for _ in range(20)
        ]
        for client in clients:
            client.next_text()
        self.assertTrue(stream_chat(daemon.port, "hello").is_done)
        self.assertEqual(get(daemon.port, "/ping").body, b"pong")
        await_calls(daemon, 20)
        self.assertLess(daemon.resident_bytes - before_bytes, 60 * MEBIBYTE)
        for client in clients:
            client.leave()
        self.assertTrue(eventually(lambda: not calls_under_way(daemon), 3.0))
        assert_idle(daemon)

    def test_a_client_that_begins_to_read_late_gets_all_of_it(self) -> None:
        daemon = start(self, UPSTREAM_FAULTS="true")
        client = open_chat(daemon.port, "[[fault: pieces=500 size=10000]]", stream=True)
        begin = client.next_text()
        time.sleep(0.5)
        answer = client.streamed()
        self.assertEqual(len(begin + answer.text), 5_000_000)
        self.assertTrue(answer.is_done)
