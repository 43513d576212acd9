from twisted.internet.defer import Deferred

from tests.http.scripted_completions import ANSWER
from tests.http.wire import (
    Connection,
    RecordingTransport,
    WireTestCase,
    chat_bytes,
    request_bytes,
)

PING = request_bytes("GET", "/ping")


class DrainTests(WireTestCase):
    def drain(self, timeout_seconds: float) -> Deferred[None]:
        return Deferred.fromCoroutine(self.site.drain(timeout_seconds))

    def chat(self, *, stream: bool) -> Connection:
        connection = self.connect()
        connection.send(chat_bytes(stream=stream))
        return connection

    def test_without_connections_it_is_over_at_once(self) -> None:
        self.successResultOf(self.drain(10))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_idle_connections_are_closed_at_once(self) -> None:
        fresh, served = self.connect(), self.connect()
        served.send(PING)
        self.successResultOf(self.drain(10))
        self.assertEqual((fresh.open, served.open), (False, False))

    def test_running_answers_are_finished_and_their_connections_closed(self) -> None:
        whole, streamed = self.chat(stream=False), self.chat(stream=True)
        self.completions.begun[1].give_text("a")
        done = self.drain(10)
        self.clock.advance(9)
        self.assertNoResult(done)
        self.completions.begun[0].give(ANSWER)
        self.assertEqual(whole.response().status, 200)
        self.assertEqual(whole.response().headers["connection"], "close")
        self.assertFalse(whole.open)
        self.assertNoResult(done)
        self.completions.begun[1].give_end()
        self.assertTrue(streamed.response().body.endswith(b"data: [DONE]\n\n"))
        self.assertFalse(streamed.open)
        self.successResultOf(done)

    def test_a_new_api_request_is_refused_and_status_says_draining(self) -> None:
        busy, late, status = self.chat(stream=False), self.connect(), self.connect()
        late.send(chat_bytes()[:-1])
        status.send(request_bytes("GET", "/")[:-1])
        self.drain(10)
        self.assertTrue(late.open)
        late.send(chat_bytes()[-1:])
        response = late.response()
        self.assertEqual((response.status, response.error["code"]), (503, "shutting_down"))
        self.assertEqual(response.headers["connection"], "close")
        self.assertFalse(late.open)
        status.send(b"\n")
        self.assertEqual(status.response().json()["status"], "draining")
        self.assertTrue(busy.open)

    def test_answers_that_take_too_long_are_ended_with_an_error(self) -> None:
        whole, streamed = self.chat(stream=False), self.chat(stream=True)
        self.completions.begun[1].give_text("a")
        done = self.drain(10)
        self.clock.advance(10)
        self.assertEqual(whole.response().status, 503)
        self.assertIn(b'"code":"shutting_down"', streamed.response().body)
        self.assertNotIn(b"[DONE]", streamed.received)
        self.assertTrue(all(completion.cancelled for completion in self.completions.begun))
        self.successResultOf(done)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_second_call_with_no_time_ends_both_at_once(self) -> None:
        streamed = self.chat(stream=True)
        self.completions.begun[0].give_text("a")
        first = self.drain(10)
        self.assertNoResult(first)
        second = self.drain(0)
        self.assertIn(b'"code":"shutting_down"', streamed.response().body)
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_client_that_does_not_take_the_end_holds_nothing_up(self) -> None:
        for timeout_seconds, then_seconds in ((10, 10.5), (0, 0)):
            self.serve()
            stuck = self.chat(stream=True)
            self.completions.begun[-1].give_text("a")
            self.patch(stuck.transport, "loseConnection", lambda: None)
            done = self.drain(timeout_seconds)
            self.clock.pump([0.25] * int(then_seconds * 4))
            self.successResultOf(done)
            stuck.leave()

    def test_a_client_that_lingers_holds_nothing_up(self) -> None:
        lingering = self.connect()
        lingering.send(b"nonsense\r\n\r\n")
        self.assertTrue(lingering.open)
        self.successResultOf(self.drain(10))
        self.assertFalse(lingering.open)

    def test_it_returns_when_the_last_client_leaves(self) -> None:
        connection = self.chat(stream=True)
        done = self.drain(10)
        connection.leave()
        self.successResultOf(done)


class ConnectionLimitTests(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serve(max_connections=3)

    def abortable(self) -> Connection:
        connection = self.connect()
        self.patch(connection.transport, "abortConnection", connection.leave)
        return connection

    def test_an_idle_one_makes_room_before_one_that_sends(self) -> None:
        sending, idle, answered = self.abortable(), self.abortable(), self.abortable()
        sending.send(b"GET /")
        answered.send(chat_bytes())
        newest = self.abortable()
        self.assertEqual(
            [each.open for each in (sending, idle, answered, newest)], [True, False, True, True]
        )
        newest.send(b"GET /")
        last = self.abortable()
        self.assertTrue(answered.open and last.open)
        self.assertEqual([sending.open, newest.open].count(False), 1)

    def test_where_all_are_being_answered_the_new_one_is_dropped(self) -> None:
        answered = [self.abortable() for _ in range(3)]
        for each in answered:
            each.send(chat_bytes())
        dropped: list[RecordingTransport] = []
        self.patch(RecordingTransport, "abortConnection", lambda each: dropped.append(each))
        newest = self.connect()
        self.assertEqual(dropped, [newest.transport])
        self.assertTrue(all(each.open for each in answered))
        self.assertNotIn(newest.channel, self.site.connections)

    def test_that_there_are_too_many_is_said_once_until_there_is_room_again(self) -> None:
        def told() -> int:
            return sum("idle ones make room" in str(event.get("log_format")) for event in events)

        events = self.events
        connections = [self.abortable() for _ in range(6)]
        self.assertEqual(told(), 1)
        for each in connections:
            each.leave()
        for _ in range(4):
            self.abortable()
        self.assertEqual(told(), 2)
