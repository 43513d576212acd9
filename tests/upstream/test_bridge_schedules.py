"""The bridge with real threads, whose timing nobody decides: what comes out is
what went in, in order, and every thread comes home."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from piecesd.process import daemon_threads
from piecesd.upstream.bridge import MAX_BUFFERED_PIECES, MODERATION_SECONDS, Bridge, ByteStream
from tests.hypothesis_profiles import examples

MAX_STREAMS = 6
PATIENCE_SECONDS = 10.0


class Broken(Exception):
    """How a scripted call fails."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What one call brings, and what its consumer does with it.

    ``bursts`` are numbers of pieces, between which the call lets other threads
    run; ``cancel_after`` is how many batches its consumer takes before it has
    enough (None: all of them); ``slow``: it lets turns pass between batches.
    """

    bursts: list[int]
    breaks: bool
    cancel_after: int | None
    impatient: bool
    slow: bool


PLANS = st.builds(
    Plan,
    bursts=st.lists(st.sampled_from([0, 1, 2, 7, MAX_BUFFERED_PIECES + 1]), max_size=5),
    breaks=st.booleans(),
    cancel_after=st.sampled_from([None, None, 0, 1, 3]),
    impatient=st.booleans(),
    slow=st.booleans(),
)


@dataclass(eq=False, slots=True)
class Call:
    plan: Plan
    cancelled: Event = field(default_factory=Event)
    released: int = 0

    def __iter__(self) -> Iterator[bytes]:
        number = 0
        for burst in self.plan.bursts:
            for _ in range(burst):
                if self.cancelled.is_set():
                    raise Broken
                yield b"%d" % number
                number += 1
            time.sleep(0)
        if self.plan.breaks:
            raise Broken

    def cancel(self) -> None:
        self.cancelled.set()

    def release(self) -> None:
        self.released += 1


@dataclass(eq=False, slots=True)
class Consumer:
    """Takes batches as its call's plan says. ``outcome`` is how it ended."""

    call: Call
    stream: ByteStream
    taken: list[bytes] = field(default_factory=list)
    batches: int = 0
    outcome: str = ""
    waiting: bool = False

    def turn(self) -> None:
        """Ask for the next batch, or cancel: before the next one is asked for,
        and by the impatient while they wait for it."""
        plan = self.call.plan
        if self.batches == plan.cancel_after and (plan.impatient == self.waiting):
            self.stream.cancel()
        if self.outcome or self.waiting:
            return
        self.waiting = True
        self.stream.next_batch().addCallbacks(self._take, self._fail)

    def _take(self, batch: list[bytes]) -> None:
        self.waiting = False
        self.batches += 1
        self.taken += batch
        if not batch:
            self.outcome = "whole"

    def _fail(self, failure: Failure) -> None:
        self.waiting = False
        self.outcome = "cancelled" if failure.check(CancelledError) else "broken"


class ThreadScheduleTests(SynchronousTestCase):
    @examples(300)
    @given(st.lists(PLANS, min_size=1, max_size=MAX_STREAMS))
    def test_what_comes_out_is_what_went_in(self, plans: list[Plan]) -> None:
        threads = daemon_threads("test", MAX_STREAMS)
        threads.start()
        woken: deque[Callable[[], None]] = deque()
        clock = Clock()
        bridge = Bridge(woken.append, cast(Any, threads), max_streams=MAX_STREAMS, clock=clock)
        ended: list[Call] = []
        consumers = []
        for plan in plans:
            call = Call(plan)
            stream = bridge.open(call, partial(ended.append, call))
            consumers.append(Consumer(call, stream))
        deadline = time.monotonic() + PATIENCE_SECONDS
        turns = 0
        while bridge.open_streams or not all(each.outcome for each in consumers):
            self.assertLess(time.monotonic(), deadline, consumers)
            turns += 1
            while woken:
                woken.popleft()()
            clock.advance(MODERATION_SECONDS)
            for consumer in consumers:
                if not consumer.call.plan.slow or turns % 5 == 0:
                    consumer.turn()
            time.sleep(0)
        threads.stop()
        clock.advance(MODERATION_SECONDS)
        self.assertEqual(clock.getDelayedCalls(), [])
        self.assertEqual(len(ended), len(consumers))
        for consumer in consumers:
            self.check(consumer)

    def check(self, consumer: Consumer) -> None:
        plan = consumer.call.plan
        pieces = [b"%d" % number for number in range(sum(plan.bursts))]
        self.assertEqual(consumer.call.released, 1)
        self.assertEqual(consumer.taken, pieces[: len(consumer.taken)])
        if consumer.outcome == "cancelled":
            self.assertIsNotNone(plan.cancel_after)
        else:
            self.assertEqual(consumer.outcome, "broken" if plan.breaks else "whole")
            self.assertEqual(consumer.taken, pieces)
