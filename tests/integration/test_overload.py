"""Requests past a bound: refused at once, and not left waiting."""

import time

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import Daemon, eventually, start
from tests.integration.status import assert_idle, await_calls
from tests.integration.web import Reply, chat, get, open_chat, stream_chat

NEVER = "[[fault: stall]]"
BEGINS_ONLY = "[[fault: after=3 stall]]"
AT_ONCE_SECONDS = 0.5


class OverloadTests(SynchronousTestCase):
    def refusal(self, daemon: Daemon, *, stream: bool, n: int = 1) -> Reply:
        """The reply to a request that is over the bound."""
        began = time.monotonic()
        reply = chat(daemon.port, "hello", stream=stream, n=n)
        self.assertLess(time.monotonic() - began, AT_ONCE_SECONDS)
        self.assertEqual((reply.status, reply.error["code"]), (503, "overloaded"))
        self.assertGreaterEqual(int(reply.headers["retry-after"]), 1)
        return reply

    def test_past_the_number_of_concurrent_requests(self) -> None:
        daemon = start(self, MAX_CONCURRENT_REQUESTS="2", UPSTREAM_FAULTS="true")
        waiting = [open_chat(daemon.port, NEVER, stream=stream) for stream in (False, True)]
        await_calls(daemon, 2)
        for stream in (False, True):
            self.assertIn("2", self.refusal(daemon, stream=stream).error["message"])
        self.assertEqual(get(daemon.port, "/v1/models").status, 503)
        self.assertEqual(get(daemon.port, "/ping").status, 200)
        self.assertEqual(get(daemon.port, "/").json["requests"]["api"]["in_flight"], 2)
        waiting.pop().leave()
        self.assertTrue(eventually(lambda: chat(daemon.port, "hello").status == 200))
        waiting.pop().leave()
        assert_idle(daemon)

    def test_past_the_number_of_threads(self) -> None:
        daemon = start(self, BRIDGE_THREADS="2", UPSTREAM_FAULTS="true", ECHO_DELAY="0")
        streams = [open_chat(daemon.port, BEGINS_ONLY, stream=True) for _ in range(2)]
        for stream in streams:
            stream.next_text()
        self.assertIn("2", self.refusal(daemon, stream=True).error["message"])
        self.assertEqual(chat(daemon.port, "hello").status, 200)
        streams.pop().leave()
        self.assertTrue(eventually(lambda: chat(daemon.port, "hello", stream=True).status == 200))
        streams.pop().leave()
        assert_idle(daemon)

    def test_more_choices_than_threads(self) -> None:
        daemon = start(self, BRIDGE_THREADS="2", UPSTREAM_FAULTS="true", ECHO_DELAY="0")
        self.refusal(daemon, stream=True, n=3)
        assert_idle(daemon)
        self.assertTrue(stream_chat(daemon.port, "hello", n=2).is_done)
