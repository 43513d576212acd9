import json
import re
from typing import Any

from twisted.internet.defer import CancelledError

from piecesd.chat import Delta, Finished
from piecesd.errors import ShuttingDown, UpstreamBroken, UpstreamUnavailable
from tests.http.scripted_completions import USAGE, ScriptedCompletion
from tests.http.wire import Connection, WireTestCase, chat_body, chat_bytes, request_bytes


class StreamWriterTests(WireTestCase):
    def stream(self, *headers: str, **fields: Any) -> tuple[Connection, ScriptedCompletion]:
        """Ask for a streamed answer."""
        connection = self.connect()
        connection.send(
            request_bytes("POST", "/v1/chat/completions", chat_body(stream=True, **fields), headers)
        )
        return connection, self.completions.begun[-1]

    def test_every_byte_of_a_stream(self) -> None:
        connection, completion = self.stream("x-request-id: r1")
        completion.give_text("Hel")
        completion.give_text("lo")
        completion.give_end()
        written = re.sub(rb"Date: [^\r]*", b"Date: D", connection.received)
        written = re.sub(rb"chatcmpl-[0-9a-f]{28}", b"chatcmpl-ID", written)
        self.assertEqual(
            re.sub(rb"\r\n[0-9a-f]+\r\ndata", b"\r\nSIZE\r\ndata", written),
            b"HTTP/1.1 200 OK\r\n"
            b"Server: piecesd/9.9\r\n"
            b"Date: D\r\n"
            b"X-Request-Id: r1\r\n"
            b"Content-Type: text/event-stream; charset=utf-8\r\n"
            b"Cache-Control: no-cache\r\n"
            b"X-Accel-Buffering: no\r\n"
            b"Transfer-Encoding: chunked\r\n"
            b"\r\n"
            b"SIZE\r\n"
            + _chunk('{"role":"assistant","content":"","refusal":null}')
            + _chunk('{"content":"Hel"}')
            + b"\r\nSIZE\r\n"
            + _chunk('{"content":"lo"}')
            + b"\r\nSIZE\r\n"
            + _chunk("{}", '"stop"')
            + b"\r\nSIZE\r\n"
            + b"data: [DONE]\n\n"
            + b"\r\n0\r\n\r\n",
        )
        self.assertTrue(connection.open)

    def test_nothing_is_sent_before_the_first_batch_and_then_one_write_a_batch(self) -> None:
        connection, completion = self.stream()
        self.assertEqual(connection.writes, [])
        completion.give([Delta(0, "a"), Delta(0, "b")])
        self.assertEqual(len(connection.writes), 1)
        completion.give([Delta(0, "c"), Delta(0, "d")])
        self.assertEqual(len(connection.writes), 2)
        completion.give_end()
        self.assertEqual(len(connection.writes), 4)

    def test_a_failure_before_the_first_batch_is_an_http_error(self) -> None:
        connection, completion = self.stream()
        completion.give(UpstreamUnavailable(detail="nobody there"))
        response = connection.response()
        self.assertEqual((response.status, response.error["code"]), (502, "upstream_unavailable"))
        self.assertEqual(response.headers["content-type"], "application/json")
        self.assertTrue(connection.open)

    def test_a_failure_after_it_is_an_event_and_the_end(self) -> None:
        connection, completion = self.stream("accept-language: zh")
        completion.give_text("a")
        completion.give(UpstreamBroken(detail="reset"))
        last = connection.response().body.split(b"\n\n")[-2]
        error = json.loads(last.removeprefix(b"data: "))["error"]
        self.assertEqual(error["code"], "upstream_broken")
        self.assertIn("上游", error["message"])
        self.assertNotIn(b"[DONE]", connection.received)
        self.assertNotIn(b'"finish_reason":"', connection.received)
        self.assertTrue(connection.open)
        self.assertTrue(completion.cancelled)

    def test_the_unforeseen_after_the_first_byte_is_an_event_too(self) -> None:
        connection, completion = self.stream()
        completion.give_text("a")
        completion.give(ZeroDivisionError("secret"))
        self.assertIn(b'data: {"error":', connection.response().body)
        self.assertNotIn(b"secret", connection.received)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_cancelled_completion_whose_client_is_there_is_a_failure(self) -> None:
        connection, completion = self.stream()
        completion.give_text("a")
        completion.cancel()
        self.assertIn(b'"code":"internal_error"', connection.response().body)
        self.assertEqual(len(self.flushLoggedErrors(CancelledError)), 1)

    def test_an_answer_without_events_is_opened_and_ended(self) -> None:
        connection, completion = self.stream()
        completion.give([])
        self.assertTrue(connection.response().body.endswith(b"data: [DONE]\n\n"))

    def test_silence_is_broken_by_comments_before_and_after_the_first_piece(self) -> None:
        connection, completion = self.stream()
        self.clock.advance(14)
        self.assertEqual(connection.writes, [])
        self.clock.advance(1)
        self.assertIn(b'"role":"assistant"', connection.writes[-1])
        self.assertIn(b": keep-alive\n\n", connection.writes[-1])
        self.clock.advance(10)
        completion.give_text("a")
        self.clock.advance(14)
        self.assertEqual(connection.received.count(b": keep-alive"), 1)
        self.clock.advance(1)
        self.clock.advance(15)
        self.assertEqual(connection.received.count(b": keep-alive"), 3)
        completion.give_end()
        body = connection.response().body
        self.assertEqual(body.count(b'"role":"assistant"'), 1)
        self.assertTrue(body.endswith(b"data: [DONE]\n\n"))
        self.clock.advance(20)
        self.assertTrue(connection.received.endswith(b"\r\n0\r\n\r\n"))

    def test_a_failure_after_a_first_comment_is_an_event(self) -> None:
        connection, completion = self.stream()
        self.clock.advance(15)
        completion.give(UpstreamUnavailable(detail="nobody there"))
        response = connection.response()
        self.assertEqual(response.status, 200)
        self.assertIn(b'"code":"upstream_unavailable"', response.body)
        self.assertNotIn(b"[DONE]", response.body)

    def test_a_client_that_does_not_read_is_sent_no_comments(self) -> None:
        connection, completion = self.stream()
        completion.give_text("a")
        connection.channel.pauseProducing()
        self.clock.advance(100)
        self.assertNotIn(b"keep-alive", connection.received)

    def test_without_an_interval_a_stream_may_be_silent(self) -> None:
        self.serve(sse_keepalive_seconds=0)
        connection, completion = self.stream()
        completion.give_text("a")
        self.clock.advance(50)
        self.assertNotIn(b"keep-alive", connection.received)

    def test_usage_comes_where_it_was_asked_for(self) -> None:
        connection, completion = self.stream(stream_options={"include_usage": True})
        completion.give_text("a")
        completion.give_end()
        self.assertIn(
            b'"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}',
            connection.response().body,
        )

    def test_a_client_that_leaves_cancels_the_completion_before_and_after_the_first_batch(
        self,
    ) -> None:
        for texts in ([], ["a"], ["a", "b"]):
            connection, completion = self.stream()
            for text in texts:
                completion.give_text(text)
            self.assertFalse(completion.cancelled)
            connection.leave()
            self.assertTrue(completion.cancelled)
            self.assertEqual(self.api.running.count, 0)

    def test_a_client_that_leaves_while_it_does_not_read_cancels_too(self) -> None:
        connection, completion = self.stream()
        completion.give_text("a")
        connection.channel.pauseProducing()
        completion.give_text("b")
        connection.leave()
        self.assertTrue(completion.cancelled)

    def test_while_the_client_does_not_read_no_batch_is_asked_for(self) -> None:
        connection, completion = self.stream()
        completion.give_text("a")
        connection.channel.pauseProducing()
        completion.give_text("b")
        self.assertFalse(completion.waiting)
        connection.channel.resumeProducing()
        self.assertTrue(completion.waiting)
        completion.give_text("c")
        completion.give_end()
        self.assertEqual(connection.response().body.count(b'{"content":"'), 3)

    def test_a_short_pause_between_two_batches_is_not_noticed(self) -> None:
        connection, completion = self.stream()
        completion.give_text("a")
        connection.channel.pauseProducing()
        connection.channel.resumeProducing()
        completion.give_text("b")
        completion.give_end()
        self.assertTrue(connection.response().body.endswith(b"data: [DONE]\n\n"))

    def test_a_cut_stream_ends_with_its_reason_whether_it_waits_or_is_paused(self) -> None:
        for paused in (False, True):
            connection, completion = self.stream()
            completion.give_text("a")
            if paused:
                connection.channel.pauseProducing()
                completion.give_text("b")
            self.api.running.cut_all()
            self.assertTrue(completion.cancelled)
            self.assertIn(b'"code":"shutting_down"', connection.response().body)
            self.assertNotIn(b"[DONE]", connection.received)

    def test_a_whole_answer_is_whole_also_where_its_client_reads_no_more(self) -> None:
        connection, completion = self.stream()
        completion.give_text("a")
        connection.channel.pauseProducing()
        completion.give_text("b")
        connection.channel.resumeProducing()
        completion.figures.usage = USAGE
        connection.channel.pauseProducing()
        completion.give([Finished(0, "stop"), USAGE])
        self.api.running.cut_all()
        self.assertTrue(connection.response().body.endswith(b"data: [DONE]\n\n"))
        self.assertNotIn(b"shutting_down", connection.received)

    def test_a_stream_cut_before_its_first_batch_is_a_503(self) -> None:
        connection, _ = self.stream()
        self.api.running.cut_all()
        response = connection.response()
        self.assertEqual((response.status, response.error["code"]), (503, ShuttingDown.code))

    def test_the_connection_serves_the_next_request(self) -> None:
        connection, completion = self.stream()
        connection.send(request_bytes("GET", "/ping"))
        completion.give_text("a")
        completion.give_end()
        stream, ping = connection.responses()
        self.assertEqual((stream.status, ping.body), (200, b"pong"))

    def test_a_client_of_http_1_0_gets_the_events_and_the_end_of_the_connection(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes(stream=True).replace(b"HTTP/1.1", b"HTTP/1.0"))
        completion = self.completions.begun[-1]
        completion.give_text("a")
        completion.give_end()
        head, _, body = connection.received.partition(b"\r\n\r\n")
        self.assertNotIn(b"chunked", head)
        self.assertTrue(body.startswith(b"data: {") and body.endswith(b"data: [DONE]\n\n"))
        self.assertFalse(connection.open)


def _chunk(delta: str, finish_reason: str = "null") -> bytes:
    return (
        'data: {"id":"chatcmpl-ID","object":"chat.completion.chunk","created":1700000000,'
        f'"model":"gpt-4o","choices":[{{"index":0,"delta":{delta},"logprobs":null,'
        f'"finish_reason":{finish_reason}}}]}}\n\n'
    ).encode()
