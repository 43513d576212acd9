"""Whatever happens in whatever order: each request has one outcome, no text is
lost or made up, and nothing is left."""

from collections import Counter
from typing import cast

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.logger import ILogObserver, LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.http.schedule import FAILURES, STOP, Asked, Client, Heard, Step, World, hear
from tests.hypothesis_profiles import examples

NUMBERS = st.integers(0, 3)
FAILURE = st.integers(0, len(FAILURES) - 1)
PIECES = st.lists(
    st.sampled_from(["", "a", "word ", "E", "N", "D", STOP, "你好"]), min_size=1, max_size=6
)
ASK = st.tuples(
    st.just("ask"),
    NUMBERS,
    st.sampled_from([True, True, False]),
    st.sampled_from([1, 1, 2]),
    st.booleans(),
    st.sampled_from([None, None, None, 3]),
)
ARRIVE = st.tuples(st.just("arrive"), NUMBERS, PIECES)
FINISH = st.tuples(st.just("finish"), NUMBERS)
COUNT = st.just(("count_tokens",))
CONNECT = st.just(("connect",))

USUAL: st.SearchStrategy[Step] = st.one_of(
    CONNECT,
    ASK,
    ARRIVE,
    ARRIVE,
    FINISH,
    COUNT,
    st.tuples(st.just("reply"), NUMBERS, PIECES.map("".join)),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.1, 1.0, 8.0])),
    st.tuples(st.just("stop_reading"), NUMBERS),
    st.tuples(st.just("read_on"), NUMBERS),
)
UNUSUAL: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("fail"), NUMBERS, FAILURE),
    st.tuples(st.just("fail_reply"), NUMBERS, FAILURE),
    st.tuples(st.just("refuse"), st.booleans()),
    st.tuples(st.just("leave"), NUMBERS),
    st.tuples(st.just("wait"), st.sampled_from([29.0, 31.0, 61.0, 301.0])),
    st.tuples(st.just("drain"), st.sampled_from([0.0, 5.0])),
)
SCHEDULES = st.tuples(
    # Some requests under way, to which the rest can happen.
    st.lists(st.one_of(CONNECT, ASK), min_size=2, max_size=6),
    st.lists(st.one_of(ARRIVE, COUNT, FINISH), min_size=2, max_size=10),
    st.lists(st.one_of(USUAL, USUAL, UNUSUAL), max_size=40),
).map(lambda parts: [step for part in parts for step in part])


STREAMED: list[Step] = [("ask", 0, True, 1, False, None), ("arrive", 0, ["a"])]
"""A streamed answer that has begun."""


class ScheduleTests(SynchronousTestCase):
    @examples(400)
    @given(SCHEDULES)
    @example([*STREAMED, ("finish", 0), ("drain", 0.0)])
    @example([*STREAMED, ("finish", 0), ("leave", 0)])
    @example([*STREAMED, ("stop_reading", 0), ("arrive", 0, ["b"]), ("drain", 5.0)])
    def test_every_schedule_keeps_the_rules(self, steps: list[Step]) -> None:
        world = World()
        observer = cast(ILogObserver, world.events.append)
        globalLogPublisher.addObserver(observer)
        try:
            for step in steps:
                world.take(step)
            world.settle()
            self.check_answers(world)
            self.check_outcomes(world)
            world.close()
            self.check_nothing_is_left(world)
        finally:
            world.close()
            globalLogPublisher.removeObserver(observer)

    def check_answers(self, world: World) -> None:
        for client in world.clients:
            heard = hear(client.connection.received)
            asked = client.asked
            self.assertEqual(
                [h.request_id for h in heard], [a.request_id for a in asked[: len(heard)]]
            )
            if not client.left:
                self.assertTrue(all(each.is_complete for each in heard), heard)
                if client.connection.open:
                    self.assertEqual(len(heard), len(asked))
            for response, request in zip(heard, asked, strict=False):
                self.check_response(world, request, response)

    def check_response(self, world: World, request: Asked, heard: Heard) -> None:
        self.assertEqual(heard.after_the_end, 0, heard)
        if heard.status != 200:
            self.assertEqual((heard.texts, heard.is_done), ({}, False))
            if heard.is_complete:
                self.assertIsNotNone(heard.error)
            return
        if heard.error is not None:
            self.assertLess(len(heard.finished), request.choices, heard)
            self.assertFalse(heard.is_done)
        if heard.is_done or (heard.is_complete and not request.streamed):
            self.assertEqual(set(heard.finished), set(range(request.choices)), heard)
        for index, text in heard.texts.items():
            self.check_text(world, request, text, heard.finished.get(index))

    def check_text(self, world: World, request: Asked, text: str, reason: str | None) -> None:
        """Some call of this request brought it: a beginning of what the call
        brought, and all of it up to a stop where it is said to be whole. Before
        there is a call, a sign of life may have opened the answer."""
        if not text and reason is None:
            return
        if request.streamed:
            sources = [
                (world.sent.get(stream, ""), stream in world.whole)
                for stream in world.upstream.streams
                if stream.asked.request.messages[0].text == request.request_id
            ]
        else:
            sources = [
                (sent, True)
                for reply, sent in world.replied.items()
                if reply.asked.request.messages[0].text == request.request_id
            ]
        if reason != "stop":
            self.assertTrue(any(sent.startswith(text) for sent, _ in sources), (text, sources))
            return
        expected = []
        for sent, is_whole in sources:
            before, stop, _ = sent.partition(STOP)
            if request.stop and stop:
                expected.append(before)
            elif is_whole:
                expected.append(sent)
        self.assertIn(text, expected)

    def check_outcomes(self, world: World) -> None:
        lines = [event for event in world.events if "first_token_seconds" in event]
        counted = Counter(event["request_id"] for event in lines)
        self.assertLessEqual(set(counted.values()), {1})
        calls = [call.asked for call in world.upstream.streams]
        calls += [call.asked for call in world.upstream.replies]
        begun = {asked.request.messages[0].text for asked in calls}
        self.assertLessEqual(begun, set(counted))
        outcomes = {event["request_id"]: (event["outcome"], event["status"]) for event in lines}
        for client in world.clients:
            for heard in hear(client.connection.received):
                outcome, status = outcomes[heard.request_id]
                self.assertEqual(status, heard.status)
                self.assertEqual(outcome, self.outcome_of(client, heard), heard)

    def outcome_of(self, client: Client, heard: Heard) -> str:
        if not heard.is_complete:
            return "cancelled"
        if heard.error is None:
            return "ok"
        return "error" if heard.status != 200 else "broken"

    def check_nothing_is_left(self, world: World) -> None:
        for stream in world.upstream.streams:
            self.assertTrue(stream.cancelled or stream in world.ended)
        self.assertEqual(world.replies, [])
        self.assertEqual(world.api.running.count, 0)
        self.assertEqual(world.site.connections, set())
        for drained in world.drains:
            self.successResultOf(drained)
        self.assertEqual(world.clock.getDelayedCalls(), [])
        bad = [e for e in world.events if e["log_level"] >= LogLevel.error]
        self.assertEqual(bad, [])
