"""How all workers are, for one of them that has been asked."""

from collections.abc import Callable, Iterable
from typing import Protocol

from twisted.internet.interfaces import IReactorTime

from piecesd.workers.figures import merge, totals
from piecesd.workers.messages import All, Member, Message, Report, Status, Tell

WAIT_SECONDS = 0.25


class Reporter(Protocol):
    """A worker that can be asked how it is."""

    number: int
    pid: int
    started_seconds: float

    def send(self, message: Message) -> None: ...


class RollCall:
    """Asks the others, and waits a quarter of a second for them at most; for one
    that is late, what it said last stands in. It keeps the totals of those that
    have ended.

    :param present: called for the workers that serve or drain.
    """

    def __init__(self, present: Callable[[], Iterable[Reporter]], clock: IReactorTime) -> None:
        self._present = present
        self._clock = clock
        self._started_seconds = clock.seconds()
        self._last: dict[Reporter, Status] = {}
        self._asked: set[Reporter] = set()
        self._calls: list[_Call] = []
        self._ended: Status = {}

    def ask(self, asker: Reporter) -> None:
        """Send ``asker`` an `All`, as soon as all others have reported."""
        others = {each for each in self._present() if each is not asker}
        call = _Call(awaited=set(others), finish=lambda: self._answer(asker, others))
        self._calls.append(call)
        # One that has not answered the last time need not be asked again.
        for other in others - self._asked:
            self._asked.add(other)
            other.send(Tell())
        late = self._clock.callLater(WAIT_SECONDS, self._finish, call)
        call.stop_waiting = late.cancel
        self._finish_complete()

    def reported(self, reporter: Reporter, report: Report) -> None:
        """One has said how it is, whether it was asked or not."""
        self._last[reporter] = report.status
        self._left(reporter)

    def ended(self, reporter: Reporter) -> None:
        """One is no more; what it has counted goes on to count."""
        self._ended = totals(merge(self._last.pop(reporter, {}), [self._ended]))
        self._left(reporter)

    def _left(self, reporter: Reporter) -> None:
        self._asked.discard(reporter)
        for call in self._calls:
            call.awaited.discard(reporter)
        self._finish_complete()

    def _finish_complete(self) -> None:
        for call in [each for each in self._calls if not each.awaited]:
            call.stop_waiting()
            self._finish(call)

    def _finish(self, call: "_Call") -> None:
        self._calls.remove(call)
        call.finish()

    def _answer(self, asker: Reporter, others: set[Reporter]) -> None:
        now = self._clock.seconds()
        known = [self._last[each] for each in others if each in self._last]
        members = [
            Member(
                worker=each.number,
                pid=each.pid,
                uptime_seconds=round(now - each.started_seconds, 3),
            )
            for each in sorted(self._present(), key=lambda each: (each.number, each.pid))
        ]
        asker.send(
            All(
                others=[*known, self._ended],
                members=members,
                uptime_seconds=round(now - self._started_seconds, 3),
            )
        )


class _Call:
    """A question that waits for the reports of ``awaited``."""

    def __init__(self, *, awaited: set[Reporter], finish: Callable[[], None]) -> None:
        self.awaited = awaited
        self.finish = finish
        self.stop_waiting: Callable[[], None] = lambda: None
