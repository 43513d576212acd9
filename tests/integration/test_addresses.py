"""Several addresses of one service: one may die, rest, and come back."""

from typing import Any

import grpc
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import Daemon, eventually, start, start_upstream
from tests.integration.far_end import QueuedFarEnd
from tests.integration.web import chat, get, open_chat, stream_chat


def both(*upstreams: Any) -> str:
    return ",".join(f"grpc://127.0.0.1:{upstream.port}" for upstream in upstreams)


def usable(daemon: Daemon) -> list[bool]:
    services = get(daemon.port, "/").json["pools"]["services"]
    return [address["usable"] for address in services["gpt"]]


class AddressTests(SynchronousTestCase):
    def test_calls_spread_over_both(self) -> None:
        upstreams = [start_upstream(self, DEBUG="true") for _ in range(2)]
        daemon = start(self, GPT_GRPC_ADDR=both(*upstreams))
        for _ in range(6):
            self.assertTrue(stream_chat(daemon.port, "hello").is_done)
        for upstream in upstreams:
            upstream.wait_for("upstream call 3: .* finished")

    def test_while_one_lives_no_request_fails(self) -> None:
        upstreams = [start_upstream(self) for _ in range(2)]
        daemon = start(self, GPT_GRPC_ADDR=both(*upstreams), MIN_POOL_SIZE="1")
        upstreams[0].kill()
        for _ in range(12):
            self.assertTrue(stream_chat(daemon.port, "hello").is_done)
            self.assertEqual(chat(daemon.port, "hello").status, 200)
        self.assertEqual(usable(daemon), [False, True])
        self.assertEqual(get(daemon.port, "/readyz").status, 200)

    def test_one_that_is_back_is_used_again(self) -> None:
        upstreams = [start_upstream(self) for _ in range(2)]
        daemon = start(
            self, GPT_GRPC_ADDR=both(*upstreams), MIN_POOL_SIZE="1", HEALTH_CHECK_INTERVAL="1"
        )
        upstreams[0].kill()
        self.assertTrue(eventually(lambda: usable(daemon) == [False, True], 20))
        start_upstream(self, "--port", str(upstreams[0].port))

        def back() -> bool:
            # Its trial is a call like any other.
            self.assertEqual(chat(daemon.port, "hello").status, 200)
            return usable(daemon) == [True, True]

        self.assertTrue(eventually(back, 20))

    def test_a_daemon_with_no_upstream_left_is_alive_and_not_ready(self) -> None:
        upstream = start_upstream(self)
        daemon = start(self, GPT_GRPC_ADDR=both(upstream), MAX_RETRIES="0", MIN_POOL_SIZE="1")
        ready = get(daemon.port, "/readyz")
        self.assertEqual((ready.status, ready.json["services"]), (200, {"gpt": "ok"}))
        upstream.kill()
        for _ in range(5):
            self.assertEqual(chat(daemon.port, "hello").status, 502)
        ready = get(daemon.port, "/readyz")
        self.assertEqual((ready.status, ready.json["services"]), (503, {"gpt": "down"}))
        self.assertEqual(get(daemon.port, "/ping").status, 200)


class RestTests(SynchronousTestCase):
    def test_clients_are_told_when_the_upstream_wants_to_be_asked_again(self) -> None:
        server = QueuedFarEnd()
        self.addCleanup(server.stop)
        daemon = start(self, GPT_GRPC_ADDR=both(server), TIMEOUT="5")
        request = open_chat(daemon.port, "hello", stream=True)
        call = server.next_call()
        call.ask_for_rest(60)
        call.fail(grpc.StatusCode.RESOURCE_EXHAUSTED)
        reply = request.reply()
        self.assertEqual((reply.status, reply.error["code"]), (429, "rate_limit_exceeded"))
        self.assertEqual(reply.headers["Retry-After"], "60")
        # It is not called again before that, and the client hears it at once.
        reply = chat(daemon.port, "hello")
        self.assertEqual(reply.status, 429)
        self.assertIn(int(reply.headers["Retry-After"]), range(50, 61))
        self.assertFalse(server.has_call())

    def test_a_short_rest_is_waited_for(self) -> None:
        server = QueuedFarEnd()
        self.addCleanup(server.stop)
        daemon = start(self, GPT_GRPC_ADDR=both(server), TIMEOUT="10")
        request = open_chat(daemon.port, "hello", stream=True)
        call = server.next_call()
        call.ask_for_rest(1)
        call.fail(grpc.StatusCode.RESOURCE_EXHAUSTED)
        call = server.next_call()
        call.arrive("whole")
        call.finish()
        self.assertEqual(request.streamed().text, "whole")
