from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.errors import ApiError, Overloaded
from piecesd.http.bodies import LONG_BODY_BYTES, PAUSE_SECONDS, HeldBodies, ReadingTurns
from tests.http.scripted_completions import ANSWER
from tests.http.wire import Connection, WireTestCase, chat_bytes

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: test\r\ncontent-length: 9000\r\n\r\n"


class Body:
    """A body that is held."""

    error: ApiError | None = None

    def refuse_body(self, error: ApiError) -> None:
        self.error = error


class HeldBodiesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bodies = HeldBodies(100)

    def test_bodies_are_held_up_to_the_bound(self) -> None:
        first, second = Body(), Body()
        self.assertTrue(self.bodies.add(first, 60))
        self.assertTrue(self.bodies.add(second, 40))
        self.assertEqual(self.bodies.total_bytes, 100)
        self.assertEqual((first.error, second.error), (None, None))

    def test_past_it_the_longest_that_still_arrives_makes_room(self) -> None:
        whole, long, short, new = Body(), Body(), Body(), Body()
        self.bodies.add(whole, 50)
        self.bodies.complete(whole)
        self.bodies.add(long, 30)
        self.bodies.add(short, 20)
        self.assertTrue(self.bodies.add(new, 10))
        self.assertIsInstance(long.error, Overloaded)
        self.assertEqual([each.error for each in (whole, short, new)], [None] * 3)
        self.assertEqual(self.bodies.total_bytes, 80)

    def test_where_there_is_none_that_is_longer_the_new_one_is_refused(self) -> None:
        whole, new = Body(), Body()
        self.bodies.add(whole, 95)
        self.bodies.complete(whole)
        self.assertFalse(self.bodies.add(new, 10))
        self.assertIsInstance(new.error, Overloaded)
        self.assertEqual(self.bodies.total_bytes, 95)

    def test_what_is_released_makes_room(self) -> None:
        first, second = Body(), Body()
        self.bodies.add(first, 100)
        for _ in range(2):
            self.bodies.release(first)
        self.assertTrue(self.bodies.add(second, 100))

    @given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1, 30, 99, 101, -1, 0]))))
    def test_what_is_held_is_never_more_and_all_of_it_goes(
        self, steps: list[tuple[int, int]]
    ) -> None:
        """A step is a number of bytes for a body; -1 its end, 0 its request's."""
        bodies = HeldBodies(100)
        holders = [Body() for _ in range(6)]
        over: set[Body] = set()
        for number, size_bytes in steps:
            body = holders[number]
            if size_bytes == -1:
                bodies.complete(body)
                over.add(body)
            elif not size_bytes:
                bodies.release(body)
            elif body not in over and body.error is None:
                self.assertEqual(bodies.add(body, size_bytes), body.error is None)
            self.assertLessEqual(bodies.total_bytes, 100)
        for body in holders:
            bodies.release(body)
        self.assertEqual(bodies.total_bytes, 0)


class ReadingTurnsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.turns = ReadingTurns(self.clock)

    def long(self) -> Deferred[None]:
        return self.turns.next_for(LONG_BODY_BYTES + 1)

    def test_a_short_body_is_read_at_once(self) -> None:
        self.long()
        self.successResultOf(self.turns.next_for(LONG_BODY_BYTES))

    def test_long_ones_are_read_in_order_with_pauses(self) -> None:
        waiting = [self.long() for _ in range(3)]
        self.clock.advance(0)
        for each in range(3):
            self.successResultOf(waiting[each])
            for other in waiting[each + 1 :]:
                self.assertNoResult(other)
            self.clock.advance(PAUSE_SECONDS)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        again = self.long()
        self.clock.advance(0)
        self.successResultOf(again)

    def test_the_pause_begins_when_one_has_been_read(self) -> None:
        self.long().addCallback(lambda _none: self.clock.advance(PAUSE_SECONDS))
        second = self.long()
        self.clock.advance(0)
        self.assertNoResult(second)
        self.clock.advance(PAUSE_SECONDS)
        self.successResultOf(second)

    def test_one_that_nobody_wants_any_more_takes_no_turn(self) -> None:
        left, stays = self.long(), self.long()
        left.cancel()
        self.failureResultOf(left, CancelledError)
        self.clock.advance(0)
        self.successResultOf(stays)


class RequestTests(WireTestCase):
    """The two in front of a site."""

    def arriving(self, size_bytes: int) -> Connection:
        connection = self.connect()
        connection.send(HEAD + b"x" * size_bytes)
        return connection

    def test_past_the_memory_for_bodies_the_longest_is_told_so_and_closed(self) -> None:
        self.serve(max_body_memory_bytes=10_000)
        long, short = self.arriving(6000), self.arriving(3000)
        self.assertEqual(long.received, b"")
        newest = self.arriving(2000)
        error = long.response()
        self.assertEqual((error.status, error.error["code"]), (503, "overloaded"))
        self.assertEqual(error.headers["connection"], "close")
        self.assertIn("10000 bytes of request bodies", error.error["message"])
        self.assertIn("retry-after", error.headers)
        self.assertEqual(short.received + newest.received, b"")
        self.assertEqual(self.site.bodies.total_bytes, 5000)
        long.send(b"x" * 3000)
        self.assertEqual(self.site.bodies.total_bytes, 5000)

    def test_a_body_is_held_until_its_answer_is_over(self) -> None:
        request = chat_bytes()
        connection = self.connect()
        connection.send(request)
        self.assertGreater(self.site.bodies.total_bytes, 0)
        self.completions.begun[-1].give(ANSWER)
        self.assertEqual(connection.response().status, 200)
        self.assertEqual(self.site.bodies.total_bytes, 0)

    def test_a_client_that_leaves_takes_its_body_along(self) -> None:
        half, whole = self.arriving(4000), self.connect()
        whole.send(chat_bytes())
        self.assertGreater(self.site.bodies.total_bytes, 4000)
        half.leave()
        whole.leave()
        self.assertEqual(self.site.bodies.total_bytes, 0)

    def test_a_body_that_is_too_large_is_not_held(self) -> None:
        self.serve(max_body_bytes=5000)
        head = (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        connection = self.connect()
        connection.send(head + b"fff\r\n" + b"x" * 4095 + b"\r\nfff\r\n" + b"x" * 4095)
        self.assertEqual(connection.response().status, 413)
        self.assertEqual(self.site.bodies.total_bytes, 0)

    def test_long_bodies_that_come_at_once_are_read_one_by_one(self) -> None:
        request = chat_bytes(user="x" * LONG_BODY_BYTES)
        for _ in range(3):
            self.connect().send(request)
        self.assertEqual(len(self.completions.begun), 0)
        for count in (1, 2, 3):
            self.clock.advance(PAUSE_SECONDS)
            self.assertEqual(len(self.completions.begun), count)
