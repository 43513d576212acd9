"""The whole way of a request, from an ASGI server's messages to its messages."""

import json
from functools import partial
from typing import Any, cast

from twisted.internet.defer import Deferred

from piecesd.asgi.channel import HostedSite, exchange
from tests.asgi.server import CHAT, JSON, FakeServer, http_scope, run_steps, turns
from tests.http.scripted_completions import ScriptedCompletion
from tests.http.wire import WireTestCase, chat_body


class HostedTestCase(WireTestCase):
    def serve(self, **settings: Any) -> None:
        super().serve(**settings)
        self.site = HostedSite(self.api, cast(Any, self.clock))

    def ask(self, *headers: tuple[bytes, bytes], path: str = CHAT, **scope: Any) -> FakeServer:
        """A server that brings a POST; its body is to follow."""
        return FakeServer(
            partial(exchange, self.site), http_scope("POST", path, JSON, *headers, **scope)
        )

    async def begun(self) -> tuple[FakeServer, ScriptedCompletion]:
        """A stream of which nothing has come yet."""
        server = self.ask()
        server.bring_chat()
        await turns(10)
        return server, self.completions.begun[-1]

    def outcomes(self) -> list[tuple[int, str]]:
        """Status and outcome of each access line."""
        return [(event["status"], event["outcome"]) for event in self.access_lines()]


class AnswerTests(HostedTestCase):
    def test_a_request_without_a_body(self) -> None:
        async def steps() -> None:
            server = FakeServer(partial(exchange, self.site), http_scope())
            server.bring()
            await server.over()
            self.assertEqual((server.status, server.body, server.complete), (200, b"pong", True))
            self.assertEqual(server.headers[b"content-length"], b"4")

        run_steps(steps)
        self.assertEqual(self.site.connections, set())

    def test_what_the_server_says_in_each_response_is_left_to_it(self) -> None:
        async def steps() -> None:
            for scope in (http_scope(), http_scope("HEAD"), http_scope("GET", "/nowhere")):
                server = FakeServer(partial(exchange, self.site), scope)
                server.bring()
                await server.over()
                names = {name for name, _ in server.sent[0]["headers"]}
                self.assertIn(b"x-request-id", names)
                self.assertEqual(names, {name.lower() for name in names})
                not_ours = {b"date", b"server", b"connection", b"transfer-encoding"}
                self.assertEqual(names & not_ours, set())

        run_steps(steps)

    def test_a_head_has_no_body(self) -> None:
        async def steps() -> None:
            server = FakeServer(partial(exchange, self.site), http_scope("HEAD"))
            server.bring()
            await server.over()
            self.assertEqual((server.status, server.body, server.complete), (200, b"", True))

        run_steps(steps)

    def test_bodies_with_a_length_and_without_in_any_number_of_messages(self) -> None:
        body = chat_body()
        length = (b"content-length", b"%d" % len(body))

        async def steps() -> None:
            for headers in ([length], []):
                for parts in ([body], [body[:7], b"", body[7:]], [body, b""]):
                    server = self.ask(*headers)
                    for part in parts[:-1]:
                        server.bring(part, more_body=True)
                    server.bring(parts[-1])
                    await turns(10)
                    completion = self.completions.begun[-1]
                    self.assertEqual(completion.request.messages[0].text, "Hi")
                    server.leave()
                    await server.over()

        run_steps(steps)
        self.assertEqual(len(self.completions.begun), 6)

    def test_an_error_has_its_status_and_body(self) -> None:
        async def steps() -> None:
            server = self.ask()
            server.bring(b"{")
            await server.over()
            self.assertEqual(server.status, 400)
            self.assertIn("message", json.loads(server.body)["error"])

        run_steps(steps)

    def test_the_client_is_whom_the_server_names(self) -> None:
        async def steps() -> None:
            server = FakeServer(partial(exchange, self.site), http_scope())
            server.bring()
            await server.over()

        run_steps(steps)
        self.assertEqual([event["client"] for event in self.access_lines()], ["192.0.2.7"])


class StreamTests(HostedTestCase):
    def test_each_piece_is_a_message_before_the_next_one_is_there(self) -> None:
        async def steps() -> None:
            server, completion = await self.begun()
            for text in ("one", "two", "three"):
                count = len(server.sent)
                completion.give_text(text)
                await turns()
                self.assertIn(text.encode(), server.sent[-1]["body"])
                self.assertTrue(server.sent[-1]["more_body"])
                self.assertGreater(len(server.sent), count)
            completion.give_end()
            await server.over()
            self.assertTrue(server.complete)
            self.assertTrue(server.body.endswith(b"data: [DONE]\n\n"))
            self.assertTrue(server.body.startswith(b"data: {"))
            self.assertNotIn(b"content-length", server.headers)

        run_steps(steps)
        self.assertEqual(self.outcomes(), [(200, "ok")])

    def test_nothing_more_is_asked_for_while_the_server_does_not_take_it(self) -> None:
        async def steps() -> None:
            server, completion = await self.begun()
            server.holds_back = True
            for number in range(20):
                completion.give_text(f"piece {number}")
                await turns()
            self.assertFalse(completion.waiting)
            self.assertNotIn(b"piece 3", server.body)
            server.holds_back = False
            server.take()
            completion.give_end()
            await server.over()
            self.assertIn(b"piece 19", server.body)
            self.assertTrue(server.complete)

        run_steps(steps)

    def test_a_client_that_leaves_cancels_its_call(self) -> None:
        async def steps() -> None:
            server, completion = await self.begun()
            completion.give_text("one")
            await turns()
            server.leave()
            await server.over()
            self.assertTrue(completion.cancelled)
            self.assertFalse(server.complete)

        run_steps(steps)
        self.assertEqual(self.outcomes(), [(200, "cancelled")])
        self.assertEqual(self.site.connections, set())

    def test_a_server_that_cancels_the_application_cancels_the_call(self) -> None:
        async def steps() -> None:
            server, completion = await self.begun()
            server.call.cancel()
            await turns()
            self.assertTrue(completion.cancelled)

        run_steps(steps)
        self.assertEqual(self.outcomes(), [(499, "cancelled")])

    def test_a_server_that_can_send_no_more_cancels_the_call(self) -> None:
        async def steps() -> None:
            server, completion = await self.begun()
            server.is_lost = True
            completion.give_text("one")
            await server.over()
            self.assertTrue(completion.cancelled)

        run_steps(steps)

    def test_a_client_that_leaves_before_its_request_is_here_leaves_nothing(self) -> None:
        async def steps() -> None:
            for brought in (False, True):
                server = self.ask()
                if brought:
                    server.bring(b"{", more_body=True)
                server.leave()
                await server.over()
                self.assertEqual(server.sent, [])

        run_steps(steps)
        self.assertEqual(self.site.connections, set())
        self.assertEqual(self.completions.begun, [])


class BoundTests(HostedTestCase):
    def test_what_is_no_http_is_refused(self) -> None:
        async def steps() -> None:
            server = self.ask((b"x-any", b"1\r\nauthorization: Bearer key"))
            server.bring_chat()
            await server.over()
            self.assertEqual(server.status, 400)
            self.assertEqual(json.loads(server.body)["error"]["code"], "malformed_http")

        run_steps(steps)
        self.assertEqual(self.completions.begun, [])

    def test_a_body_over_the_limit_is_refused_before_it_has_all_come(self) -> None:
        self.serve(max_body_bytes=1000)
        said = [(b"content-length", b"5000")]

        async def steps() -> None:
            for headers in (said, []):
                server = self.ask(*headers)
                server.bring(b"a" * 900, more_body=True)
                server.bring(b"a" * 900, more_body=True)
                await server.over()
                self.assertEqual((server.status, server.complete), (413, True))

        run_steps(steps)

    def test_more_than_the_said_length_is_no_second_request(self) -> None:
        smuggled = b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n"

        async def steps() -> None:
            server = self.ask((b"content-length", b"1"))
            server.bring(b"{" + smuggled)
            await server.over()
            self.assertEqual(server.status, 400)

        run_steps(steps)
        self.assertEqual(len(self.access_lines()), 1)

    def test_two_lengths_are_refused(self) -> None:
        async def steps() -> None:
            server = self.ask((b"content-length", b"1"), (b"content-length", b"2"))
            server.bring(b"{}")
            await server.over()
            self.assertEqual(server.status, 400)

        run_steps(steps)

    def test_a_body_that_takes_too_long_gets_408(self) -> None:
        async def steps() -> None:
            server = self.ask()
            server.bring(b"{", more_body=True)
            await turns()
            self.clock.advance(self.settings.body_timeout_seconds)
            await server.over()
            self.assertEqual((server.status, server.complete), (408, True))

        run_steps(steps)

    def test_draining_ends_streams_with_an_error_and_refuses_others(self) -> None:
        async def steps() -> None:
            server, completion = await self.begun()
            completion.give_text("one")
            drained = Deferred.fromCoroutine(self.site.drain(0.5))
            late = self.ask()
            late.bring_chat()
            await late.over()
            self.assertEqual(late.status, 503)
            self.clock.advance(0.5)
            await server.over()
            self.assertIn(b"shutting_down", server.body)
            self.assertTrue(server.complete)
            self.successResultOf(drained)

        run_steps(steps)
