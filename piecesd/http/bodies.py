"""The bodies of requests: how much memory they may take together, and when a
long one may be read."""

from collections import deque
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from piecesd.errors import ApiError, Overloaded, Phrase

LONG_BODY_BYTES = 256 * 1024
"""To decode a longer body can take more than a millisecond."""

PAUSE_SECONDS = 0.005
"""Between two long bodies; the reactor comes to everybody else meanwhile."""

_BYTES_OF_BODIES = Phrase("bytes of request bodies", "字节请求体")


class Holder(Protocol):
    """A request, as far as its body goes."""

    def refuse_body(self, error: ApiError) -> None:
        """Answer with ``error``, while the body is still arriving, and keep
        nothing of it."""


class HeldBodies:
    """What is held of all bodies, from their first byte until their requests
    are over, since what is made of a body takes as much.

    Once that is too much, the longest of those still arriving makes room, which
    may be the one that brought the last bytes. So long bodies that trickle in
    can't keep out short ones.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held: dict[Holder, int] = {}
        self._arriving: set[Holder] = set()
        self.total_bytes = 0

    def add(self, holder: Holder, size_bytes: int) -> bool:
        """Hold so much more for ``holder``, whose body is arriving; False if it
        had to make room itself."""
        self._arriving.add(holder)
        self._held[holder] = self._held.get(holder, 0) + size_bytes
        self.total_bytes += size_bytes
        while self.total_bytes > self._most_bytes and holder in self._arriving:
            longest = max(self._arriving, key=self._held.__getitem__)
            self.release(longest)
            longest.refuse_body(Overloaded(limit=self._most_bytes, what=_BYTES_OF_BODIES))
        return holder in self._arriving

    def complete(self, holder: Holder) -> None:
        """Note that the body has all arrived."""
        self._arriving.discard(holder)

    def release(self, holder: Holder) -> None:
        """Hold no more of it. Idempotent."""
        self._arriving.discard(holder)
        self.total_bytes -= self._held.pop(holder, 0)


class ReadingTurns:
    """Has long bodies read one after the other, with a pause in between: however
    many arrive at once, the reactor is never kept longer than by one."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiting: deque[Deferred[None]] = deque()
        self._next: IDelayedCall | None = None

    def next_for(self, size_bytes: int) -> Deferred[None]:
        """Fires when a body of that size may be read: at once if it is short."""
        if size_bytes <= LONG_BODY_BYTES:
            return succeed(None)
        turn: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(turn)
        if self._next is None:
            self._next = self._clock.callLater(0, self._give_turn)
        return turn

    def _give_turn(self) -> None:
        if not self._waiting:
            self._next = None
            return
        self._waiting.popleft().callback(None)  # it is read in here
        self._next = self._clock.callLater(PAUSE_SECONDS, self._give_turn)
