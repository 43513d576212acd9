"""One daemon behind another: the first one's upstream relays to the second's API."""

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import at, start, start_upstream
from tests.integration.far_end import QueuedFarEnd
from tests.integration.status import assert_idle
from tests.integration.web import chat, open_chat, stream_chat

KEY = "relay-key-9c0d"
CANCEL_SECONDS = 1.0


class RelayTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.upstream = start_upstream(self)
        self.second = start(
            self, API_KEY=KEY, HOST="127.0.0.1", MAX_RETRIES="0", **at(self.upstream)
        )
        self.first = start(self, **self.relaying_to(self.second.port), MAX_RETRIES="0")

    def relaying_to(self, port: int) -> dict[str, str]:
        return {
            "RELAY_BASE_URL": f"http://127.0.0.1:{port}/v1",
            "RELAY_API_KEY": KEY,
            "RELAY_MODEL_MAP": "gpt-4=gemini-1.5-pro",
        }

    def test_answers_come_through_both_and_conversations_keep_their_roles(self) -> None:
        for model, name in (("gpt-4o", "gpt-4o"), ("gpt-4", "gemini-1.5-pro")):
            text = chat(self.first.port, "hello there", model=model).text
            self.assertIn(f"in the place of {name}", text)
            self.assertTrue(text.endswith("says: hello there"))
            answer = stream_chat(self.first.port, "hello there", model=model)
            self.assertEqual((answer.text, answer.finish_reasons), (text, ["stop"]))
            self.assertTrue(answer.is_done)
        messages = [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three"},
        ]
        text = chat(self.first.port, "", messages=messages).text
        self.assertTrue(text.endswith("Message 3 of this conversation says: three"), text)

    def test_failures_come_through_both(self) -> None:
        for fault, status in (("code=429", 429), ("status=INTERNAL", 502), ("reset", 502)):
            for stream in (False, True):
                reply = chat(self.first.port, f"[[fault: {fault}]]", stream=stream)
                self.assertEqual(reply.status, status, (fault, reply.body))
        for fault in ("status=INTERNAL", "reset", "garbage"):
            answer = stream_chat(self.first.port, f"[[fault: after=3 {fault}]]")
            self.assertEqual(answer.text, "This is the")
            self.assertEqual((answer.finish_reasons, answer.is_done), ([], False))
            self.assertEqual(answer.error["code"], "upstream_broken")
            reply = chat(self.first.port, f"[[fault: after=3 {fault}]]")
            self.assertEqual(reply.status, 502)

    def test_a_server_that_is_away_is_502(self) -> None:
        self.second.stop()
        for stream in (False, True):
            self.assertEqual(chat(self.first.port, "hello", stream=stream).status, 502)

    def test_a_flood_comes_through_both_whole(self) -> None:
        answer = stream_chat(self.first.port, "[[fault: pieces=2000 size=1000]]")
        self.assertEqual(len(answer.text), 2_000_000)
        self.assertTrue(answer.is_done)

    def test_a_relay_as_a_daemon_of_its_own(self) -> None:
        relay = start_upstream(self, **self.relaying_to(self.second.port))
        daemon = start(self, **at(relay))
        self.assertTrue(chat(daemon.port, "hello").text.endswith("says: hello"))
        self.assertTrue(stream_chat(daemon.port, "hello").is_done)


class CancelTests(SynchronousTestCase):
    def test_a_cancel_passes_through_both(self) -> None:
        server = QueuedFarEnd()
        self.addCleanup(server.stop)
        second = start(self, **at(server))
        first = start(self, RELAY_BASE_URL=f"http://127.0.0.1:{second.port}/v1")
        for stream in (False, True):
            client = open_chat(first.port, "hello", stream=stream)
            call = server.next_call()
            if stream:
                call.arrive("a")
                self.assertEqual(client.next_text(), "a")
            client.leave()
            self.assertTrue(call.over(CANCEL_SECONDS), stream)
            assert_idle(first)
            assert_idle(second)

    def test_a_client_that_does_not_read_holds_back_the_far_end(self) -> None:
        upstream = start_upstream(self)
        second = start(self, **at(upstream))
        first = start(self, RELAY_BASE_URL=f"http://127.0.0.1:{second.port}/v1")
        client = open_chat(
            first.port,
            "[[fault: pieces=20000 size=10000]]",
            stream=True,
            receive_buffer_bytes=8192,
        )
        client.next_text()
        self.assertTrue(stream_chat(first.port, "hello").is_done)
        client.leave()
        cancelled = upstream.wait_for(r"(\d+) pieces .* cancelled$", CANCEL_SECONDS)
        self.assertLess(int(cancelled[1]), 4_000)
