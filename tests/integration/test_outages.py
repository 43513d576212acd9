"""Upstreams that are away, silent, back again, or not configured at all."""

import re
import socket
from contextlib import closing
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import at, eventually, start, start_upstream
from tests.integration.web import chat, get, open_chat, stream_chat

CLAUDE = "claude-3-5-sonnet@20240620"


def closed_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


class OutageTests(SynchronousTestCase):
    def test_a_dead_upstream_is_502_after_retries_within_the_deadline(self) -> None:
        address = f"grpc://127.0.0.1:{closed_port()}"
        daemon = start(self, GPT_GRPC_ADDR=address, MAX_RETRIES="2", TIMEOUT="5")
        for stream in (False, True):
            request_id = f"dead.{stream}"
            reply = chat(daemon.port, "hello", stream=stream, headers={"x-request-id": request_id})
            self.assertEqual((reply.status, reply.error["code"]), (502, "upstream_unavailable"))
            self.assertNotIn(address.rpartition(":")[2], reply.error["message"])
            line = daemon.wait_for(rf"-> 502 in ([\d.]+)s error {request_id} .* retries=2$")
            self.assertLess(float(line[1]), 5.0)
            retries = daemon.matching(rf"{request_id} retry \d of 2 in .*UNAVAILABLE")
            self.assertEqual(len(retries), 2)

    def test_a_dead_upstream_uses_no_more_than_the_time_there_is(self) -> None:
        address = f"grpc://127.0.0.1:{closed_port()}"
        daemon = start(self, GPT_GRPC_ADDR=address, MAX_RETRIES="20", TIMEOUT="0.5")
        for stream in (False, True):
            self.assertEqual(chat(daemon.port, "hello", stream=stream).status, 502)
        for line in daemon.matching("-> 502"):
            seconds = re.search(r" in ([\d.]+)s ", line)
            assert seconds is not None
            self.assertLess(float(seconds[1]), 1.0, line)

    def test_an_upstream_that_takes_connections_and_says_nothing_is_504(self) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as silent:
            address = f"grpc://127.0.0.1:{silent.getsockname()[1]}"
            daemon = start(self, GPT_GRPC_ADDR=address, TIMEOUT="0.5")
            for stream in (False, True):
                reply = chat(daemon.port, "hello", stream=stream)
                self.assertEqual((reply.status, reply.error["code"]), (504, "upstream_timeout"))

    def test_an_upstream_that_comes_back_is_used_again(self) -> None:
        upstream = start_upstream(self)
        daemon = start(self, **at(upstream), TIMEOUT="10", MAX_RETRIES="0", MIN_POOL_SIZE="2")
        self.assertEqual(chat(daemon.port, "hello").status, 200)
        upstream.stop()
        self.assertEqual(chat(daemon.port, "hello").status, 502)
        successor = start_upstream(self, "--port", str(upstream.port))
        self.assertEqual(successor.port, upstream.port)
        # The channels wait for a while before they connect anew.
        self.assertTrue(eventually(lambda: chat(daemon.port, "hello").status == 200))
        for _ in range(5):
            self.assertTrue(stream_chat(daemon.port, "hello").is_done)

    def test_an_upstream_that_dies_in_mid_stream_breaks_the_answer(self) -> None:
        upstream = start_upstream(self, ECHO_DELAY="0.05")
        daemon = start(self, **at(upstream))
        stream = open_chat(daemon.port, "hello", stream=True)
        stream.next_text()
        upstream.kill()
        answer = stream.streamed()
        self.assertEqual((answer.finish_reasons, answer.is_done), ([], False))
        self.assertIn(answer.error["code"], ("upstream_unavailable", "upstream_broken"))

    def test_waiting_retries_get_through_once_the_upstream_is_there(self) -> None:
        port = closed_port()
        daemon = start(self, GPT_GRPC_ADDR=f"grpc://127.0.0.1:{port}", MAX_RETRIES="20")
        waiting = open_chat(daemon.port, "hello", headers={"x-request-id": "patient"})
        daemon.wait_for("patient retry 1 of 20")
        start_upstream(self, "--port", str(port))
        self.assertEqual(waiting.reply().status, 200)


class OneServiceTests(SynchronousTestCase):
    def test_models_of_a_service_without_an_address_are_not_served(self) -> None:
        upstream = start_upstream(self)
        settings = at(upstream)
        for setting, served, missing in (
            ("GPT_GRPC_ADDR", "gpt-4o", CLAUDE),
            ("VERTEX_GRPC_ADDR", CLAUDE, "gpt-4o"),
        ):
            daemon = start(self, **{setting: settings[setting]})
            daemon.wait_for("upstream: none, its models are not served")
            listed = [model["id"] for model in get(daemon.port, "/v1/models").json["data"]]
            self.assertIn(served, listed)
            self.assertNotIn(missing, listed)
            self.assertEqual(chat(daemon.port, "hello", model=served).status, 200)
            refusals: list[Any] = [get(daemon.port, f"/v1/models/{missing}")]
            refusals += [
                chat(daemon.port, "hello", model=missing, stream=stream) for stream in (False, True)
            ]
            for reply in refusals:
                self.assertEqual((reply.status, reply.error["code"]), (404, "model_not_found"))
                self.assertIn("upstream is configured", reply.error["message"])
            self.assertEqual(len(get(daemon.port, "/").json["pools"]["services"]), 1)
