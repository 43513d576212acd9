"""The embedded upstream over real gRPC channels."""

import socket
import threading
import time
from typing import Any

import grpc
from twisted.internet import reactor as installed_reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase, TestCase

from piecesd.embedded.calls import Calls, EndedCall
from piecesd.embedded.echo import EchoModel
from piecesd.embedded.server import GrpcServer
from piecesd.embedded.service import EmbeddedUpstreamService
from piecesd.errors import UpstreamBroken
from piecesd.families import FAMILIES, Reply
from tests.integration.grpc_calls import PATIENCE_SECONDS, FamilyClient, wait_until

reactor: Any = installed_reactor

SOON_SECONDS = 1.0


class ServerTestCase(SynchronousTestCase):
    """Starts a server and a client of each family for each test."""

    faults = False
    seconds_per_word = 0.0

    def setUp(self) -> None:
        self.ended: list[EndedCall] = []
        self.server = GrpcServer(
            EchoModel(self.seconds_per_word),
            Calls(self.ended.append),
            host="127.0.0.1",
            port=0,
            faults=self.faults,
        )
        self.port = self.server.start()
        self.addCleanup(lambda: self.server.stop().result(PATIENCE_SECONDS))
        self.clients = [FamilyClient(family, self.port) for family in FAMILIES]
        for client in self.clients:
            self.addCleanup(client.close)

    def assert_counted(self, **expected: int) -> None:
        """The server comes to count so within a second."""
        counts = self.server.counts
        wait_until(
            lambda: all(getattr(counts, name) == value for name, value in expected.items()),
            SOON_SECONDS,
        )
        self.assertEqual({name: getattr(counts, name) for name in expected}, expected)


class AnswerTests(ServerTestCase):
    def test_both_services_answer_in_one_reply(self) -> None:
        for client in self.clients:
            reply = client.predict("hello")
            self.assertEqual((reply.code, reply.has_body), (200, True))
            self.assertTrue(reply.text.endswith("says: hello"))

    def test_both_services_stream_the_same_text_and_end_with_code_204(self) -> None:
        for client in self.clients:
            replies = list(client.stream("hello"))
            self.assertGreater(len(replies), 20)
            self.assertEqual({reply.code for reply in replies[:-1]}, {200})
            self.assertEqual(replies[-1], Reply(204, " hello", True))
            self.assertEqual("".join(r.text for r in replies), client.predict("hello").text)

    def test_a_directive_is_just_text_unless_faults_are_on(self) -> None:
        reply = self.clients[0].predict("[[fault: status=INTERNAL]]")
        self.assertTrue(reply.text.endswith("says: [[fault: status=INTERNAL]]"))

    def test_a_request_of_ten_megabytes_is_taken(self) -> None:
        self.assertEqual(self.clients[0].predict("x" * 10_000_000).code, 200)

    def test_calls_are_counted(self) -> None:
        list(self.clients[0].stream("one"))
        self.clients[1].predict("two")
        self.assert_counted(opened=2, open=0, finished=2, failed=0, cancelled=0)

    def test_a_port_that_is_taken_is_an_error_at_start(self) -> None:
        for faults in (False, True):
            second = GrpcServer(
                EchoModel(0),
                Calls(lambda ended: None),
                host="127.0.0.1",
                port=self.port,
                faults=faults,
            )
            self.assertRaises(OSError, second.start)


class OpenCallTests(ServerTestCase):
    seconds_per_word = 0.05

    def test_words_come_at_the_pace_that_was_set(self) -> None:
        replies = self.clients[0].stream("hello")
        next(replies)
        began = time.monotonic()
        for _ in range(4):
            next(replies)
        self.assertGreater(time.monotonic() - began, 0.15)

    def test_a_cancelled_stream_is_noticed_within_a_second(self) -> None:
        for count, client in enumerate(self.clients, 1):
            call = client.open_stream("hello")
            next(call)
            call.cancel()
            self.assert_counted(cancelled=count, open=0)

    def test_a_client_that_goes_away_is_noticed_within_a_second(self) -> None:
        call = self.clients[0].open_stream("hello")
        next(call)
        self.clients[0].close()
        self.assert_counted(cancelled=1, open=0)

    def test_many_streams_need_no_thread_each(self) -> None:
        list(self.clients[0].stream("hello"))
        before = {thread.name for thread in threading.enumerate()}
        calls = [self.clients[0].open_stream("hello") for _ in range(100)]
        self.assert_counted(open=100)
        # The client's own threads have no name of the server's.
        after = {t.name for t in threading.enumerate() if t.name.startswith("embedded")}
        self.assertTrue(after <= before)
        for call in calls:
            call.cancel()
        self.assert_counted(open=0)

    def test_stopping_with_calls_open_takes_less_than_a_second(self) -> None:
        calls = [client.open_stream("hello") for client in self.clients for _ in range(10)]
        self.assert_counted(open=20)
        began = time.monotonic()
        self.server.stop().result(PATIENCE_SECONDS)
        self.assertLess(time.monotonic() - began, SOON_SECONDS)
        self.assert_counted(open=0, cancelled=20)
        for call in calls:
            self.assertRaises(grpc.RpcError, list, call)

    def test_stopping_with_grace_lets_calls_end(self) -> None:
        replies = self.clients[0].stream("hello")
        next(replies)
        stopped = self.server.stop(PATIENCE_SECONDS)
        self.assertEqual(list(replies)[-1].code, 204)
        stopped.result(SOON_SECONDS)
        self.assert_counted(finished=1)

    def test_a_server_stops_twice_as_well_as_once(self) -> None:
        self.server.stop().result(PATIENCE_SECONDS)
        self.server.stop().result(PATIENCE_SECONDS)


class FaultTests(ServerTestCase):
    faults = True

    def assert_fails(self, directive: str, *, after: int) -> grpc.RpcError:
        """Both methods of both services fail; the stream after some pieces."""
        text = f"[[fault: after={after} {directive}]]"
        for family in FAMILIES:
            self.assertRaises(grpc.RpcError, self.fresh_client(family).predict, text)
            call = self.fresh_client(family).open_stream(text)
            for _ in range(after):
                next(call)
            failure: grpc.RpcError = self.assertRaises(grpc.RpcError, next, call)
        return failure

    def fresh_client(self, family: str) -> FamilyClient:
        """A client whose connection no earlier fault has met: gRPC may give a
        call to a connection that is just being lost."""
        client = FamilyClient(family, self.port)
        self.addCleanup(client.close)
        return client

    def test_without_a_directive_both_services_answer(self) -> None:
        for client in self.clients:
            self.assertEqual(list(client.stream("hello"))[-1], Reply(204, " hello", True))

    def test_a_status_comes_before_or_after_pieces(self) -> None:
        for after in (0, 3):
            failure = self.assert_fails("status=RESOURCE_EXHAUSTED", after=after)
            self.assertIs(failure.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assert_counted(failed=8, open=0)

    def test_a_connection_is_reset_before_or_after_pieces(self) -> None:
        for after in (0, 2):
            failure = self.assert_fails("reset", after=after)
            self.assertIs(failure.code(), grpc.StatusCode.UNAVAILABLE)
        self.assert_counted(failed=8, open=0)

    def test_a_reset_spares_other_connections(self) -> None:
        other = self.clients[1].open_stream("[[fault: after=1 stall]]")
        next(other)
        self.assertRaises(grpc.RpcError, self.clients[0].predict, "[[fault: reset]]")
        self.assertTrue(other.is_active())
        other.cancel()

    def test_a_response_code_is_a_reply_without_a_body(self) -> None:
        for client in self.clients:
            self.assertEqual(client.predict("[[fault: code=439]]"), Reply(439, "", False))
            replies = list(client.stream("[[fault: after=1 code=439]]"))
            self.assertEqual(replies, [Reply(200, "This", True), Reply(439, "", False)])

    def test_a_stall_lasts_until_the_client_gives_up(self) -> None:
        for client in self.clients:
            unary = client.start_predict("[[fault: stall]]")
            stream = client.open_stream("[[fault: after=1 stall]]")
            next(stream)
            self.assert_counted(open=2)
            unary.cancel()
            stream.cancel()
            self.assert_counted(open=0)
        self.assert_counted(cancelled=4)

    def test_garbage_is_not_a_reply(self) -> None:
        for client in self.clients:
            self.assertRaises(UpstreamBroken, client.predict, "[[fault: garbage]]")
            replies = client.stream("[[fault: after=1 garbage]]")
            next(replies)
            self.assertRaises(UpstreamBroken, next, replies)

    def test_an_answer_may_end_without_its_mark(self) -> None:
        for client in self.clients:
            replies = list(client.stream("[[fault: after=2 unmarked]]"))
            self.assertEqual([reply.code for reply in replies], [200, 200])
            self.assertEqual(client.predict("[[fault: after=2 unmarked]]").text, "This is")

    def test_pieces_may_be_empty_or_huge(self) -> None:
        for client in self.clients:
            empty = list(client.stream("[[fault: pieces=3 size=0]]"))
            self.assertEqual(empty, [Reply(200, "", True)] * 2 + [Reply(204, "", True)])
            [huge] = client.stream("[[fault: size=20000000]]")
            self.assertEqual(len(huge.text), 20_000_000)

    def test_the_first_attempts_fail_and_the_next_is_answered(self) -> None:
        text = "[[fault: attempts=2 status=UNAVAILABLE]]"
        for _ in range(2):
            self.assertRaises(grpc.RpcError, self.clients[0].predict, text)
        self.assertEqual(self.clients[0].predict(text).code, 200)

    def test_a_client_that_reads_nothing_holds_the_answer_back(self) -> None:
        client = self.clients[0]
        next(client.open_stream("[[fault: pieces=4000 size=50000]]"))
        time.sleep(0.3)
        client.close()
        self.assert_counted(cancelled=1)
        self.assertLess(self.ended[0].pieces, 2000)  # of 200 MB, what the buffers hold

    def test_a_directive_that_can_not_be_read_is_an_invalid_argument(self) -> None:
        failure = self.assert_fails("explode", after=0)
        self.assertIs(failure.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("explode", failure.details())

    def test_bytes_that_are_not_grpc_do_no_harm(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(self.clients[0].predict("hello").code, 200)

    def test_stopping_with_calls_open_takes_less_than_a_second(self) -> None:
        calls = [client.open_stream("[[fault: stall]]") for client in self.clients]
        self.assert_counted(open=2)
        began = time.monotonic()
        self.server.stop().result(PATIENCE_SECONDS)
        self.assertLess(time.monotonic() - began, SOON_SECONDS)
        for call in calls:
            self.assertRaises(grpc.RpcError, list, call)


class ServiceTests(TestCase):
    """The service in a process whose reactor runs."""

    timeout = 10

    def setUp(self) -> None:
        self.service = EmbeddedUpstreamService(EchoModel(0.05), reactor=reactor)
        self.service.startService()
        self.addCleanup(self.service.stopService)
        self.client = FamilyClient("gpt", self.service.port)
        self.addCleanup(self.client.close)

    async def test_it_answers_on_the_port_that_it_names(self) -> None:
        reply = await deferToThread(self.client.predict, "hello")
        self.assertTrue(reply.text.endswith("says: hello"))

    async def test_stopping_with_calls_open_does_not_block_and_takes_less_than_a_second(
        self,
    ) -> None:
        call = self.client.open_stream("hello")
        await deferToThread(next, call)
        began = reactor.seconds()
        stopped = self.service.stopService()
        self.assertFalse(stopped.called)
        await stopped
        self.assertLess(reactor.seconds() - began, SOON_SECONDS)
        self.assertEqual((self.service.counts.open, self.service.counts.cancelled), (0, 1))

    async def test_it_starts_again_on_the_same_port(self) -> None:
        port = self.service.port
        await self.service.stopService()
        self.service.startService()
        self.assertEqual(self.service.port, port)
        self.assertEqual((await deferToThread(self.client.predict, "hello")).code, 200)

    async def test_every_call_that_ended_is_logged_without_its_words(self) -> None:
        with capturedLogs() as events:
            await deferToThread(self.client.predict, "my secret")
            await deferLater(reactor, 0.05)
        [line] = [formatEvent(event) for event in events]
        self.assertRegex(line, r"upstream call 1: test-model, \d+ pieces in .*s, finished")
