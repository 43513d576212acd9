"""The bridge, with workers that run one step at a time and no real thread."""

from collections import deque
from collections.abc import Callable, Iterator
from threading import Thread

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.errors import Overloaded
from piecesd.upstream.bridge import (
    MAX_BUFFERED_BYTES,
    MAX_BUFFERED_PIECES,
    MODERATION_SECONDS,
    Bridge,
    ByteStream,
)


class Reactor:
    """Collects what workers ask the reactor to run."""

    def __init__(self) -> None:
        self.wakeups = 0
        self.queue: deque[Callable[[], None]] = deque()

    def call_from_thread(self, function: Callable[[], None]) -> None:
        self.wakeups += 1
        self.queue.append(function)

    def turn(self) -> None:
        while self.queue:
            self.queue.popleft()()


class MemoryWorkers:
    """Runs what is asked of it when told to, in this thread."""

    def __init__(self) -> None:
        self.waiting: deque[Callable[[], object]] = deque()

    def callInThread(self, func: Callable[..., object], /, *args: object) -> None:
        self.waiting.append(lambda: func(*args))

    def run(self) -> None:
        while self.waiting:
            self.waiting.popleft()()


class Call:
    """Yields ``pieces``, then raises ``error`` if there is one."""

    def __init__(self, *pieces: bytes, error: BaseException | None = None) -> None:
        self.pieces = pieces
        self.error = error
        self.cancelled = 0
        self.released = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        if self.error is not None:
            raise self.error

    def cancel(self) -> None:
        self.cancelled += 1

    def release(self) -> None:
        self.released += 1


class BridgeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.workers = MemoryWorkers()
        self.clock = Clock()
        self.bridge = Bridge(
            self.reactor.call_from_thread, self.workers, max_streams=3, clock=self.clock
        )
        self.ended = 0

    def open(self, call: Call) -> ByteStream:
        return self.bridge.open(call, self.count_end)

    def count_end(self) -> None:
        self.ended += 1

    def work(self) -> None:
        self.workers.run()
        self.reactor.turn()

    def test_what_arrived_since_the_last_batch_comes_as_one_batch(self) -> None:
        stream = self.open(Call(b"a", b"b", b"c"))
        waiting = stream.next_batch()
        self.assertNoResult(waiting)
        self.work()
        self.assertEqual(self.successResultOf(waiting), [b"a", b"b", b"c"])

    def test_the_end_is_an_empty_batch_again_and_again(self) -> None:
        stream = self.open(Call(b"a"))
        self.work()
        self.assertEqual(self.successResultOf(stream.next_batch()), [b"a"])
        self.assertEqual(self.successResultOf(stream.next_batch()), [])
        self.assertEqual(self.successResultOf(stream.next_batch()), [])

    def test_a_failure_comes_after_the_pieces_before_it(self) -> None:
        stream = self.open(Call(b"a", error=ValueError("cut")))
        self.work()
        self.assertEqual(self.successResultOf(stream.next_batch()), [b"a"])
        self.failureResultOf(stream.next_batch(), ValueError)
        self.failureResultOf(stream.next_batch(), ValueError)

    def test_a_waiting_consumer_gets_the_failure(self) -> None:
        waiting = self.open(Call(error=ValueError("cut"))).next_batch()
        self.work()
        self.failureResultOf(waiting, ValueError)

    def test_an_empty_piece_is_a_piece(self) -> None:
        stream = self.open(Call(b""))
        self.work()
        self.assertEqual(self.successResultOf(stream.next_batch()), [b""])

    def test_one_wakeup_serves_all_streams(self) -> None:
        streams = [self.open(Call(b"a", b"b")) for _ in range(3)]
        waiting = [stream.next_batch() for stream in streams]
        self.work()
        self.assertEqual([self.successResultOf(w) for w in waiting], [[b"a", b"b"]] * 3)
        self.assertEqual(self.reactor.wakeups, 1)

    def test_while_much_comes_the_reactor_looks_by_itself(self) -> None:
        streams = [self.open(Call(b"a", b"b")) for _ in range(2)]
        self.work()
        later = self.open(Call(b"c"))
        waiting = later.next_batch()
        self.work()
        self.assertEqual(self.reactor.wakeups, 1)
        self.assertNoResult(waiting)
        self.clock.advance(MODERATION_SECONDS)
        self.assertEqual(self.successResultOf(waiting), [b"c"])
        self.assertEqual(self.successResultOf(streams[0].next_batch()), [b"a", b"b"])

    def test_when_nothing_more_comes_the_next_piece_wakes_anew(self) -> None:
        self.open(Call(b"a", b"b"))
        self.work()
        self.clock.advance(MODERATION_SECONDS)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        stream = self.open(Call(b"c"))
        self.work()
        self.assertEqual(self.reactor.wakeups, 2)
        self.assertEqual(self.successResultOf(stream.next_batch()), [b"c"])

    def test_a_call_past_the_threads_is_refused_at_once(self) -> None:
        for _ in range(3):
            self.open(Call())
        error = self.assertRaises(Overloaded, self.open, Call())
        self.assertEqual((error.status, error.retry_after_seconds), (503, 1))

    def test_a_thread_counts_as_busy_until_its_call_is_over(self) -> None:
        stream = self.open(Call(b"a"))
        stream.cancel()
        self.assertEqual((self.bridge.open_streams, self.ended), (1, 0))
        self.work()
        self.assertEqual((self.bridge.open_streams, self.ended), (0, 1))

    def test_cancelling_cancels_the_call_once_and_fails_who_waits(self) -> None:
        call = Call(b"a")
        stream = self.open(call)
        waiting = stream.next_batch()
        stream.cancel()
        stream.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.failureResultOf(stream.next_batch(), CancelledError)
        self.assertEqual(call.cancelled, 1)

    def test_cancelling_the_deferred_cancels_the_call(self) -> None:
        call = Call(b"a")
        waiting = self.open(call).next_batch()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(call.cancelled, 1)

    def test_pieces_after_a_cancel_are_dropped(self) -> None:
        stream = self.open(Call(b"a", b"b"))
        stream.cancel()
        self.work()
        self.failureResultOf(stream.next_batch(), CancelledError)

    def test_every_call_is_released_by_its_thread(self) -> None:
        calls = [Call(b"a"), Call(b"a", error=ValueError()), Call(b"a")]
        streams = [self.open(call) for call in calls]
        streams[2].cancel()
        self.work()
        self.assertEqual([call.released for call in calls], [1, 1, 1])

    def test_a_call_that_ended_is_not_cancelled(self) -> None:
        call = Call(b"a")
        stream = self.open(call)
        self.work()
        stream.cancel()
        self.assertEqual(call.cancelled, 0)

    def test_cancel_all_cancels_every_open_stream(self) -> None:
        calls = [Call(), Call()]
        for call in calls:
            self.open(call)
        self.bridge.cancel_all()
        self.assertEqual([call.cancelled for call in calls], [1, 1])

    def test_a_closed_stream_may_end_by_itself_within_its_grace(self) -> None:
        call = Call(b"a")
        self.open(call).close(1.0)
        self.work()
        self.clock.advance(2)
        self.assertEqual((call.cancelled, self.ended), (0, 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_closed_stream_that_does_not_end_is_cancelled(self) -> None:
        call = Call(b"a")
        self.open(call).close(1.0)
        self.clock.advance(1.0)
        self.assertEqual(call.cancelled, 1)


class Future:
    def __init__(self, outcome: bytes | Exception) -> None:
        self.outcome = outcome
        self.callbacks: list[Callable[[Future], None]] = []
        self.cancelled = 0

    def add_done_callback(self, callback: Callable[["Future"], None]) -> None:
        self.callbacks.append(callback)

    def cancel(self) -> bool:
        self.cancelled += 1
        return True

    def result(self) -> bytes:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def complete(self) -> None:
        for callback in self.callbacks:
            callback(self)


class ReplyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.bridge = Bridge(
            self.reactor.call_from_thread, MemoryWorkers(), max_streams=1, clock=Clock()
        )

    def reply(self, future: Future) -> Deferred[bytes]:
        return self.bridge.reply(future)

    def test_a_reply_crosses_into_the_reactor_and_takes_no_thread(self) -> None:
        future = Future(b"whole")
        reply = self.reply(future)
        future.complete()
        self.assertNoResult(reply)
        self.reactor.turn()
        self.assertEqual(self.successResultOf(reply), b"whole")

    def test_a_failed_reply_fails(self) -> None:
        future = Future(ValueError("no"))
        reply = self.reply(future)
        future.complete()
        self.reactor.turn()
        self.failureResultOf(reply, ValueError)

    def test_cancelling_cancels_the_call_and_its_late_outcome_is_dropped(self) -> None:
        future = Future(b"late")
        reply = self.reply(future)
        reply.cancel()
        self.failureResultOf(reply, CancelledError)
        future.complete()
        self.reactor.turn()
        self.assertEqual(future.cancelled, 1)

    def test_a_reply_that_another_one_of_its_batch_cancels_holds_nobody_up(self) -> None:
        futures = [Future(ValueError("no")), Future(b"unwanted"), Future(b"of somebody else")]
        first, second, third = map(self.reply, futures)
        first.addErrback(lambda _failure: second.cancel())
        for future in futures:
            future.complete()
        self.reactor.turn()
        self.failureResultOf(second, CancelledError)
        self.assertEqual(self.successResultOf(third), b"of somebody else")


class EndlessCall(Call):
    """Yields until it is cancelled, and counts."""

    def __init__(self, piece: bytes) -> None:
        super().__init__()
        self.piece = piece
        self.yielded = 0

    def __iter__(self) -> Iterator[bytes]:
        while not self.cancelled:
            self.yielded += 1
            yield self.piece


class ThreadWorkers:
    """One real thread a call: waiting for room can't be shown without one."""

    def __init__(self) -> None:
        self.threads: list[Thread] = []

    def callInThread(self, func: Callable[..., object], /, *args: object) -> None:
        thread = Thread(target=func, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()


class BackpressureTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.workers = ThreadWorkers()
        self.bridge = Bridge(
            self.reactor.call_from_thread, self.workers, max_streams=1, clock=Clock()
        )

    def open(self, call: EndlessCall) -> ByteStream:
        stream = self.bridge.open(call, lambda: None)
        self.addCleanup(self.end, stream)
        return stream

    def end(self, stream: ByteStream) -> None:
        stream.cancel()
        self.workers.threads[0].join(1)
        self.assertFalse(self.workers.threads[0].is_alive())

    def wait_until_full(self, call: EndlessCall) -> int:
        thread = self.workers.threads[0]
        before = -1
        while before != call.yielded:
            before = call.yielded
            thread.join(0.05)
        self.assertTrue(thread.is_alive())
        return before

    def test_a_worker_waits_when_its_stream_holds_enough_pieces(self) -> None:
        call = EndlessCall(b"x")
        self.open(call)
        self.assertEqual(self.wait_until_full(call), MAX_BUFFERED_PIECES)

    def test_a_worker_waits_when_its_stream_holds_enough_bytes(self) -> None:
        call = EndlessCall(b"x" * (MAX_BUFFERED_BYTES // 4))
        self.open(call)
        self.assertEqual(self.wait_until_full(call), 4)

    def test_taking_a_batch_lets_the_worker_go_on(self) -> None:
        call = EndlessCall(b"x")
        stream = self.open(call)
        self.wait_until_full(call)
        self.reactor.turn()
        self.assertEqual(len(self.successResultOf(stream.next_batch())), MAX_BUFFERED_PIECES)
        self.assertEqual(self.wait_until_full(call), 2 * MAX_BUFFERED_PIECES)

    def test_a_piece_larger_than_the_buffer_is_let_through(self) -> None:
        call = EndlessCall(b"x" * (2 * MAX_BUFFERED_BYTES))
        stream = self.open(call)
        self.assertEqual(self.wait_until_full(call), 1)
        self.reactor.turn()
        self.assertEqual(len(self.successResultOf(stream.next_batch())), 1)

    def test_cancelling_frees_a_worker_that_waits_for_room(self) -> None:
        call = EndlessCall(b"x")
        stream = self.open(call)
        self.wait_until_full(call)
        stream.cancel()
        self.workers.threads[0].join(0.1)
        self.assertFalse(self.workers.threads[0].is_alive())
        self.assertEqual(call.released, 1)
