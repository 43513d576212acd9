"""The application under real ASGI servers, asked by the openai SDK."""

import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import openai
from openai.types.chat import ChatCompletionChunk
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.asgi_server import HYPERCORN, UVICORN, ServerKind, child, serve
from tests.integration.daemon import Daemon, at, run_directory
from tests.integration.far_end import FarCall, QueuedFarEnd
from tests.integration.test_openai_sdk import HELLO, KEY, finish_reasons, text_of
from tests.integration.web import chat, get, open_chat, stream_chat

CANCEL_SECONDS = 2.0
STOP_SECONDS = 5.0
MEBIBYTE = 1024 * 1024
FLOOD = "[[fault: pieces=20000 size=10000]]"
"""200 MB."""


class ServerContract:
    """What holds under every server."""

    kind: ServerKind

    def client(self, server: Daemon, key: str = KEY) -> openai.OpenAI:
        assert isinstance(self, SynchronousTestCase)
        client = openai.OpenAI(
            base_url=f"http://127.0.0.1:{server.port}/v1", api_key=key, max_retries=0, timeout=10
        )
        self.addCleanup(client.close)
        return client

    def begun(
        self, server: Daemon, far_end: QueuedFarEnd
    ) -> tuple[openai.Stream[ChatCompletionChunk], FarCall]:
        """A stream of which one piece is sent, and its call at the far end."""
        client = self.client(server)
        with ThreadPoolExecutor(1) as thread:  # the SDK waits for the first piece
            asked = thread.submit(
                client.chat.completions.create, model="gpt-4o", messages=HELLO, stream=True
            )
            call = far_end.next_call()
            call.arrive("one")
            return asked.result(), call

    def test_whole_answers_streams_and_errors(self) -> None:
        assert isinstance(self, SynchronousTestCase)
        server = serve(self, self.kind, API_KEY=KEY, ECHO_DELAY="0")
        client = self.client(server)
        for model in ("gpt-4o", "claude-3-5-sonnet-20240620"):
            whole = client.chat.completions.create(model=model, messages=HELLO)
            chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True))
            assert whole.choices[0].message.content is not None
            self.assertTrue(whole.choices[0].message.content.endswith("says: hello there"))
            self.assertEqual(text_of(chunks), whole.choices[0].message.content)
            self.assertEqual(finish_reasons(chunks), ["stop"])
        self.assertIn("gpt-4o", [model.id for model in client.models.list()])
        with self.assertRaises(openai.AuthenticationError) as caught:
            self.client(server, "another").chat.completions.create(
                model="gpt-4o", messages=HELLO, stream=True
            )
        self.assertEqual(caught.exception.code, "invalid_api_key")
        server.wait_for("127.0.0.1 POST /v1/chat/completions -> 200 in .* ok ", times=4)

    def test_each_piece_comes_before_the_next_one_is_sent(self) -> None:
        assert isinstance(self, SynchronousTestCase)
        far_end = QueuedFarEnd()
        self.addCleanup(far_end.stop)
        server = serve(self, self.kind, API_KEY=KEY, **at(far_end))
        stream, call = self.begun(server, far_end)
        texts = (each.choices[0].delta.content for each in stream if each.choices)
        self.assertEqual(next(text for text in texts if text), "one")
        for piece in ("two", "three"):
            call.arrive(piece)
            # No piece but this one has been sent, so it is not held back for others.
            self.assertEqual(next(text for text in texts if text), piece)
        call.finish()
        self.assertEqual([text for text in texts if text], [])

    def test_a_client_that_leaves_in_mid_stream_cancels_its_call(self) -> None:
        assert isinstance(self, SynchronousTestCase)
        far_end = QueuedFarEnd()
        self.addCleanup(far_end.stop)
        server = serve(self, self.kind, API_KEY=KEY, **at(far_end))
        stream, call = self.begun(server, far_end)
        next(iter(stream))
        stream.close()
        self.assertTrue(call.over(CANCEL_SECONDS))
        server.wait_for("chat/completions -> 200 in .* cancelled ")

    def test_it_stops_within_seconds(self) -> None:
        assert isinstance(self, SynchronousTestCase)
        far_end = QueuedFarEnd()
        self.addCleanup(far_end.stop)
        server = serve(self, self.kind, self.kind.graceful_option, "1", DEBUG="true", **at(far_end))
        client = open_chat(server.port, "hello", stream=True)
        call = far_end.next_call()
        call.arrive("one")
        self.assertEqual(client.next_text(), "one")
        began = time.monotonic()
        self.assertEqual(server.stop(), self.kind.exit_status)
        self.assertLess(time.monotonic() - began, STOP_SECONDS)
        self.assertTrue(call.over())
        self.assertTrue(server.matching(" cancelled | broken "))
        server.failures_expected = True  # what it ends, a server may call an error


class UvicornTests(ServerContract, SynchronousTestCase):
    kind = UVICORN

    def test_what_a_client_does_not_read_does_not_pile_up(self) -> None:
        server = serve(self, self.kind, UPSTREAM_FAULTS="true", ECHO_DELAY="0", RATE_LIMIT="0")
        stream_chat(server.port, "hello")
        before_bytes = server.resident_bytes
        client = open_chat(server.port, FLOOD, stream=True, receive_buffer_bytes=8192)
        client.next_text()
        highest_bytes = 0
        until = time.monotonic() + 2.0
        while time.monotonic() < until:
            self.assertEqual(chat(server.port, "hello").status, 200)
            highest_bytes = max(highest_bytes, server.resident_bytes)
        self.assertLess(highest_bytes - before_bytes, 60 * MEBIBYTE)
        client.leave()
        server.wait_for("chat/completions -> 200 in .* cancelled ")

    def test_the_client_is_whom_a_trusted_proxy_names(self) -> None:
        server = serve(self, self.kind, TRUSTED_PROXIES="127.0.0.1")
        chat(server.port, "hello", headers={"X-Forwarded-For": "192.0.2.9"})
        server.wait_for(" 192.0.2.9 POST /v1/chat/completions -> 200 ")

    def test_it_writes_no_file_and_opens_no_port_of_its_own(self) -> None:
        server = serve(
            self, self.kind, LOG_FILE="a.log", PORT="1", METRICS_LISTEN="1", GPT_GRPC_ADDR="[::1]:9"
        )
        self.assertEqual(get(server.port, "/ping").body, b"pong")
        self.assertEqual(get(server.port, "/metrics").status, 404)
        self.assertEqual(list(server.directory.iterdir()), [])

    def test_a_setting_that_is_not_allowed_stops_the_start(self) -> None:
        arguments = ["-m", "uvicorn", "--port", "0", "piecesd.asgi:app"]
        process = child(run_directory(self), arguments, MAX_RETRIES="many")
        output, errors = process.communicate(timeout=30)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn(b"piecesd: MAX_RETRIES='many'", output + errors)
        self.assertNotIn(b"Traceback", output + errors)

    def test_a_body_without_a_length_is_read(self) -> None:
        server = serve(self, self.kind, ECHO_DELAY="0")
        connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
        self.addCleanup(connection.close)
        connection.request(
            "POST",
            "/v1/chat/completions",
            body=iter(
                [b'{"model": "gpt-4o", "messages": [{"role": ', b'"user", "content": "hi"}]}']
            ),
            headers={"Content-Type": "application/json"},
            encode_chunked=True,
        )
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertIn(b"says: hi", response.read())


class WithoutLifespanTests(SynchronousTestCase):
    def test_it_starts_at_the_first_request_and_ends_with_the_server(self) -> None:
        server = serve(self, UVICORN, "--lifespan", "off", ECHO_DELAY="0")
        self.assertEqual(server.matching("Embedded upstream on"), [])
        self.assertTrue(stream_chat(server.port, "hello").is_done)
        server.wait_for("Embedded upstream on")
        began = time.monotonic()
        self.assertEqual(server.stop(), UVICORN.exit_status)
        self.assertLess(time.monotonic() - began, STOP_SECONDS)


class HypercornTests(ServerContract, SynchronousTestCase):
    kind = HYPERCORN
