"""Brings what blocking calls yield into the reactor, batch by batch.

One worker thread reads one call to its end. Everything that all workers read
goes through one process-wide queue, and only the worker that finds the queue
unarmed wakes the reactor; `Bridge._drain` then gives each stream what has come
for it in one batch. While much comes, the reactor looks by itself once a
millisecond and is not woken at all, as network cards moderate their interrupts.
A stream's buffer is bounded: a worker that is too far ahead waits, so HTTP/2
flow control holds the upstream back.

The counts that bound the buffer are monotonic and each has one writer: *put*
is written by the worker, *taken* by the reactor thread. A single count changed
from both sides would lose updates.
"""

from collections import deque
from collections.abc import Callable, Iterator
from threading import Event
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from piecesd.errors import Overloaded, Phrase

MAX_BUFFERED_PIECES = 256
"""Pieces a stream may hold that its consumer has not taken."""

MAX_BUFFERED_BYTES = 256 * 1024
"""The same in bytes; one piece larger than this is let through alone."""

MODERATION_SECONDS = 0.001
"""How long the reactor leaves the queue alone while much comes: it costs a
piece that much delay, and saves a wake-up, two system calls and a write of its
own for most pieces (docs/decisions/004)."""

BUSY_QUEUE = 2
"""So many items at one look are much."""


_OPEN_STREAMS = Phrase("open streams", "打开的流")


class BlockingCall(Protocol):
    """A call under way whose pieces are read by blocking."""

    def __iter__(self) -> Iterator[bytes]:
        """The pieces in order. Ends when the call ended well, raises when not."""

    def cancel(self) -> None:
        """End the call from any thread: the iteration ends soon, in whatever way."""

    def release(self) -> None:
        """Called by the reading thread once it will not read again: free the rest."""


class PendingReply(Protocol):
    """A unary call under way, as a future."""

    def add_done_callback(self, callback: Callable[["PendingReply"], None], /) -> None: ...

    def cancel(self) -> bool: ...

    def result(self) -> bytes: ...


class Workers(Protocol):
    """The threads that read, such as a Twisted ThreadPool."""

    def callInThread(self, func: Callable[..., object], /, *args: object) -> object: ...


class _End:
    """What the queue carries after a stream's last piece."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class ByteStream:
    """The pieces of one call, taken in the reactor thread."""

    def __init__(self, call: BlockingCall, ended: Callable[[], None], clock: IReactorTime) -> None:
        self._call = call
        self._clock = clock
        self._ended = ended
        self._pending: list[bytes] = []
        self._waiter: Deferred[list[bytes]] | None = None
        self._end: _End | None = None
        self._cancelled = False
        self._grace: IDelayedCall | None = None
        # Written by the worker, read by the reactor thread.
        self._put_pieces = 0
        self._put_bytes = 0
        self._is_full = False
        # Written by the reactor thread, read by the worker.
        self._taken_pieces = 0
        self._taken_bytes = 0
        self._unwanted = False
        self._room = Event()

    def next_batch(self) -> Deferred[list[bytes]]:
        """The pieces that have arrived since the last batch; waits for one.

        Fires with an empty list when the call has ended well. Fails with what
        the call raised when it has not, after the pieces before that have been
        handed out, and with CancelledError once the stream is cancelled.
        Cancelling the Deferred cancels the stream.
        """
        if self._cancelled:
            return fail(CancelledError())
        if self._pending:
            return succeed(self._take())
        if self._end is not None:
            if self._end.error is None:
                return succeed([])
            return fail(Failure(self._end.error))
        self._waiter = Deferred(self._cancel_waiter)
        return self._waiter

    def cancel(self) -> None:
        """End the call at once; its thread is free within milliseconds."""
        if self._cancelled:
            return
        self._cancelled = True
        self._discard()
        if self._end is None:
            self._call.cancel()
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.errback(CancelledError())

    def close(self, grace_seconds: float) -> None:
        """No more is wanted, but let the call end by itself within a grace.

        A call that is read to its end is cheaper for both sides than one that
        is reset.
        """
        if self._end is None and not self._cancelled:
            self._discard()
            self._grace = self._clock.callLater(grace_seconds, self.cancel)

    def _discard(self) -> None:
        self._pending = []
        self._unwanted = True
        self._room.set()

    def _cancel_waiter(self, waiter: Deferred[list[bytes]]) -> None:
        self._waiter = None
        self.cancel()

    def _take(self) -> list[bytes]:
        batch, self._pending = self._pending, []
        self._taken_pieces += len(batch)
        self._taken_bytes += sum(map(len, batch))
        if self._is_full:
            self._room.set()
        return batch

    # Called by the bridge in the reactor thread.

    def add(self, item: bytes | _End) -> bool:
        """Take an item off the queue; True if `hand_over` must follow."""
        if isinstance(item, bytes):
            if self._unwanted:
                return False
            self._pending.append(item)
        else:
            self._finish(item)
        return self._waiter is not None

    def hand_over(self) -> None:
        """Fire the waiting Deferred, if it still waits."""
        waiter, self._waiter = self._waiter, None
        if waiter is None:
            return
        if self._pending:
            waiter.callback(self._take())
        else:  # the end is there, so this does not wait again
            self.next_batch().chainDeferred(waiter)

    def _finish(self, end: _End) -> None:
        self._end = end
        if self._grace is not None and self._grace.active():
            self._grace.cancel()
        self._ended()

    # Called by the worker.

    def count_put(self, size: int) -> None:
        """Count a piece and, if the buffer is full, wait until there is room."""
        self._put_pieces += 1
        self._put_bytes += size
        while self._has_no_room():
            self._room.clear()
            self._is_full = True
            if self._has_no_room():
                self._room.wait()
            self._is_full = False

    def _has_no_room(self) -> bool:
        return not self._unwanted and (
            self._put_pieces - self._taken_pieces >= MAX_BUFFERED_PIECES
            or self._put_bytes - self._taken_bytes >= MAX_BUFFERED_BYTES
        )


class _Reply:
    """Where the outcome of a unary call goes."""

    __slots__ = ("deferred", "future")

    def __init__(self, future: PendingReply) -> None:
        self.future = future
        self.deferred: Deferred[bytes] = Deferred(self._cancel)

    def _cancel(self, _deferred: Deferred[bytes]) -> None:
        self.future.cancel()

    def add(self, item: object) -> bool:
        return not self.deferred.called

    def hand_over(self) -> None:
        if self.deferred.called:  # cancelled by what another of this batch set off
            return
        try:
            result = self.future.result()
        except Exception:
            self.deferred.errback()
        else:
            self.deferred.callback(result)


class Bridge:
    """Carries calls from worker threads into the reactor thread.

    :param wake: runs a function in the reactor thread, from any thread;
        `reactor.callFromThread`.
    :param workers: the threads; they must not be the reactor's own pool.
    :param max_streams: how many threads there are, and so how many streams.
    """

    _log = Logger()

    def __init__(
        self,
        wake: Callable[[Callable[[], None]], object],
        workers: Workers,
        *,
        max_streams: int,
        clock: IReactorTime,
    ) -> None:
        self._wake = wake
        self._workers = workers
        self._clock = clock
        self._queue: deque[tuple[ByteStream | _Reply, bytes | _End]] = deque()
        self._armed = False
        self._streams: set[ByteStream] = set()
        self.max_streams = max_streams

    @property
    def open_streams(self) -> int:
        """Streams whose threads are still at work."""
        return len(self._streams)

    def check_room(self) -> None:
        """Ask before starting a call.

        :raises Overloaded: every thread is at work. Refusing at once is
            better than waiting unseen for a thread.
        """
        if len(self._streams) >= self.max_streams:
            raise Overloaded(limit=self.max_streams, what=_OPEN_STREAMS)

    def open(self, call: BlockingCall, ended: Callable[[], None]) -> ByteStream:
        """Begin to read ``call`` on a worker; see `check_room`.

        :param ended: called in the reactor thread once the call is over and
            its thread is free, however it ended.
        """
        self.check_room()

        def over() -> None:
            self._streams.discard(stream)
            ended()

        stream = ByteStream(call, over, self._clock)
        self._streams.add(stream)
        self._workers.callInThread(self._read, stream, call)
        return stream

    def reply(self, future: PendingReply) -> Deferred[bytes]:
        """The outcome of a unary call, without a thread that waits for it.

        Fails with what the future raises; cancelling it cancels the call.
        """
        reply = _Reply(future)
        end = _End(None)
        future.add_done_callback(lambda _future: self._post(reply, end))
        return reply.deferred

    def cancel_all(self) -> None:
        """Cancel every stream, to free every thread."""
        for stream in tuple(self._streams):
            stream.cancel()

    def _read(self, stream: ByteStream, call: BlockingCall) -> None:
        """The life of a worker: read one call to its end."""
        error: BaseException | None = None
        queue = self._queue
        try:
            for piece in call:
                queue.append((stream, piece))
                if not self._armed:
                    self._armed = True
                    self._wake(self._drain)
                stream.count_put(len(piece))
        except BaseException as raised:
            # Without its traceback: that would tie the call to this frame.
            error = raised.with_traceback(None)
        try:
            call.release()
        except Exception:
            self._log.failure("Releasing an upstream call failed")
        self._post(stream, _End(error))

    def _post(self, receiver: ByteStream | _Reply, item: _End) -> None:
        self._queue.append((receiver, item))
        if not self._armed:
            self._armed = True
            self._wake(self._drain)

    def _drain(self) -> None:
        """Hand out what the queue holds now: one batch for each stream."""
        queue = self._queue
        count = len(queue)
        if count < BUSY_QUEUE:
            # Before popping: what comes from here on wakes anew.
            self._armed = False
            count = len(queue)
        else:
            self._clock.callLater(MODERATION_SECONDS, self._drain)
        ready: dict[ByteStream | _Reply, None] = {}
        for _ in range(count):
            receiver, item = queue.popleft()
            if receiver.add(item):
                ready[receiver] = None
        for receiver in ready:
            receiver.hand_over()
