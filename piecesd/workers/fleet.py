"""Which workers there should be, and what to do about it: a clock and events in,
calls of processes out.

A worker is *starting* until it says that it accepts connections, then it is
*serving*, and *draining* from the moment it is told to end:

- One that ends without having been told is started again: at once the first
  time, then after 0.5, 1, 2 … seconds, 30 at most. After a minute of life the
  count begins anew.
- One that does not say within a minute that it serves is killed, and counts as
  one that could not start. Where a place has seen five such in a row, and no
  worker serves in any place, there is no sense in going on.
- Workers are replaced one place after the other. The old one is told to end
  when the new one serves, and the next place has its turn when the old one has
  ended. If a new one can't start, the old one stays, and so do all that have
  not had their turn.
- One that has been told to end has the time that requests have, and five
  seconds more. Then it is killed.
- One that has served is asked every five seconds how it is. When it has not
  answered for a minute it hangs, and is killed. The minute is counted in
  questions: a machine that was asleep, or a clock that was set, makes no worker
  silent for longer than one of them.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from signal import Signals
from typing import Generic, Literal, Protocol, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

START_SECONDS = 60.0
STEADY_SECONDS = 60.0
START_ATTEMPTS = 5
KILL_SECONDS = 5.0
ASK_SECONDS = 5.0
UNANSWERED_QUESTIONS = 12
_LONGEST_DELAY_SECONDS = 30.0


class Process(Protocol):
    """A worker's process. Nothing raises where it has ended already."""

    pid: int

    def ask(self) -> None: ...
    def drain(self) -> None: ...
    def retire(self) -> None: ...
    def hurry(self) -> None: ...
    def kill(self) -> None: ...
    def signal(self, number: Signals) -> None: ...


P = TypeVar("P", bound=Process)


@dataclass(kw_only=True, slots=True, eq=False)
class Worker(Generic[P]):
    """One process. ``deadline``: when it is killed, if it is still in this state.
    ``unanswered``: questions, since it was heard of."""

    place: "_Place[P]"
    process: P
    started_seconds: float
    state: Literal["starting", "serving", "draining"] = "starting"
    deadline: IDelayedCall | None = None
    signals: list[Signals] = field(default_factory=list)
    unanswered: int = 0


@dataclass(kw_only=True, slots=True, eq=False)
class _Place(Generic[P]):
    """``early_ends``: of workers that did not live long, in a row;
    ``fruitless_starts``: of those that never served."""

    number: int
    worker: Worker[P] | None = None
    early_ends: int = 0
    fruitless_starts: int = 0
    restart: IDelayedCall | None = None


def restart_delay_seconds(early_ends: int) -> float:
    """How long to wait after so many early ends in a row, 1 or more."""
    if early_ends <= 1:
        return 0.0
    return float(min(0.5 * 2.0 ** min(early_ends - 2, 10), _LONGEST_DELAY_SECONDS))


class Fleet(Generic[P]):
    """Keeps ``count`` workers.

    :param spawn: starts the worker of a number; it raises OSError where it
        can't. What becomes of the process is told by `ready` and `ended`.
    :param give_up: called once no worker can be started at all.

    ``killed_at_the_end`` counts those that did not end when all were told to.
    """

    _log = Logger()

    def __init__(
        self,
        count: int,
        spawn: Callable[[int], P],
        clock: IReactorTime,
        *,
        drain_timeout_seconds: float,
        give_up: Callable[[], None],
    ) -> None:
        self._spawn = spawn
        self._clock = clock
        self._drain_seconds = drain_timeout_seconds
        self._give_up = give_up
        self._places: list[_Place[P]] = [_Place(number=number) for number in range(count)]
        self._workers: dict[P, Worker[P]] = {}
        self._to_replace: deque[_Place[P]] = deque()
        self._successor: Worker[P] | None = None
        self._predecessor: Worker[P] | None = None
        self._stopping = False
        self._all_ended: list[Deferred[None]] = []
        self.killed_at_the_end = 0

    def members(self) -> Iterator[Worker[P]]:
        """The workers that have served and still live."""
        return (each for each in self._workers.values() if each.state != "starting")

    def start(self) -> None:
        for place in self._places:
            self._fill(place)
        self._clock.callLater(ASK_SECONDS, self._ask)

    def signal(self, number: Signals) -> None:
        """Pass a signal on; to those that are starting when they serve, for
        before that it could kill them."""
        for worker in tuple(self._workers.values()):
            if worker.state == "starting":
                worker.signals.append(number)
            else:
                worker.process.signal(number)

    def replace_all(self) -> None:
        """Put a new worker into each place, also into those where that is just
        being done."""
        if self._stopping:
            return
        self._log.info("Replacing {count} workers", count=len(self._places))
        self._to_replace = deque(self._places)
        self._replace_next()

    def stop(self) -> Deferred[None]:
        """Tell all to end; fires when they have."""
        self._stopping = True
        self._to_replace.clear()
        for place in self._places:
            _cancel(place.restart)
        for worker in self._workers.values():
            self._end(worker, worker.process.drain)
        if not self._workers:
            return succeed(None)
        ended: Deferred[None] = Deferred()
        self._all_ended.append(ended)
        return ended

    def hurry(self) -> None:
        """Have those end at once that have been told to end."""
        for worker in self._workers.values():
            if worker.state == "draining":
                worker.process.hurry()
                self._set_deadline(worker, KILL_SECONDS)

    # What has become of a process.

    def ready(self, process: P) -> None:
        """It accepts connections."""
        worker = self._workers[process]
        if worker.state != "starting":
            return
        worker.state = "serving"
        worker.place.fruitless_starts = 0
        _cancel(worker.deadline)
        for number in worker.signals:
            process.signal(number)
        self._log.info(
            "Worker {number} serves, pid {pid}", number=worker.place.number, pid=process.pid
        )
        if worker is self._successor:
            self._take_over(worker)

    def heard(self, process: P) -> None:
        """It has answered, or said something by itself."""
        self._workers[process].unanswered = 0

    def ended(self, process: P, how: str) -> None:
        """It is no more. ``how`` is for the log."""
        worker = self._workers.pop(process)
        _cancel(worker.deadline)
        if worker.state == "draining":
            if worker.place.worker is worker:
                worker.place.worker = None
            if worker is self._predecessor:
                self._predecessor = None
                self._replace_next()
        else:
            self._ended_untold(worker, how)
        if not self._workers:
            waiting, self._all_ended = self._all_ended, []
            for each in waiting:
                each.callback(None)

    def _ended_untold(self, worker: Worker[P], how: str) -> None:
        place = worker.place
        self._log.error(
            "Worker {number}, pid {pid}, ended without having been told: {how}",
            number=place.number,
            pid=worker.process.pid,
            how=how,
        )
        self._count_end(place, worker)
        if worker is self._successor:
            self._successor = None
            self._to_replace.clear()
            if place.worker is not None:
                self._log.error("Replacing workers is given up; those that serve go on")
                return
        else:
            place.worker = None
            if self._successor is not None and self._successor.place is place:
                return  # it is on its way
        self._restart(place)

    # Starting.

    def _start(self, place: _Place[P]) -> Worker[P] | None:
        place.restart = None
        try:
            process = self._spawn(place.number)
        except OSError as error:
            self._log.error(
                "Worker {number} can't be started: {reason}",
                number=place.number,
                reason=str(error),
            )
            self._count_end(place, None)
            return None
        worker = Worker(place=place, process=process, started_seconds=self._clock.seconds())
        self._workers[process] = worker
        self._set_deadline(worker, START_SECONDS)
        return worker

    def _restart(self, place: _Place[P]) -> None:
        if self._stopping:
            return
        if place.fruitless_starts >= START_ATTEMPTS and not any(self.members()):
            self._give_up()
            return
        place.restart = self._clock.callLater(
            restart_delay_seconds(place.early_ends), self._fill, place
        )

    def _fill(self, place: _Place[P]) -> None:
        place.worker = self._start(place)
        if place.worker is None:
            self._restart(place)

    def _count_end(self, place: _Place[P], worker: Worker[P] | None) -> None:
        if worker is None or worker.state == "starting":
            place.fruitless_starts += 1
            place.early_ends += 1
        elif self._clock.seconds() - worker.started_seconds < STEADY_SECONDS:
            place.early_ends += 1
        else:
            place.early_ends = 1

    # Replacing.

    def _replace_next(self) -> None:
        if self._successor or self._predecessor or not self._to_replace:
            return
        place = self._to_replace.popleft()
        _cancel(place.restart)
        self._successor = self._start(place)
        if self._successor is None:
            self._to_replace.clear()
            if place.worker is None:
                self._restart(place)

    def _take_over(self, worker: Worker[P]) -> None:
        self._successor = None
        old, worker.place.worker = worker.place.worker, worker
        if old is None:
            self._replace_next()
            return
        self._predecessor = old
        self._end(old, old.process.retire)

    # Hanging.

    def _ask(self) -> None:
        for worker in self.members():
            if worker.unanswered == UNANSWERED_QUESTIONS:
                self._kill(worker, f"hangs: no answer for {ASK_SECONDS * UNANSWERED_QUESTIONS:g}s")
            worker.unanswered += 1
            worker.process.ask()
        self._clock.callLater(ASK_SECONDS, self._ask)

    # Ending.

    def _end(self, worker: Worker[P], tell: Callable[[], None]) -> None:
        worker.state = "draining"
        self._set_deadline(worker, self._drain_seconds + KILL_SECONDS)
        tell()

    def _set_deadline(self, worker: Worker[P], seconds: float) -> None:
        _cancel(worker.deadline)
        worker.deadline = self._clock.callLater(seconds, self._overdue, worker)

    def _overdue(self, worker: Worker[P]) -> None:
        self._kill(worker, f"was {worker.state} for too long")

    def _kill(self, worker: Worker[P], why: str) -> None:
        # Before it is logged: the worker may hold the lock of the log.
        worker.process.kill()
        self.killed_at_the_end += self._stopping
        self._log.error(
            "Worker {number}, pid {pid}, {why}: killed",
            number=worker.place.number,
            pid=worker.process.pid,
            why=why,
        )


def _cancel(call: IDelayedCall | None) -> None:
    if call is not None and call.active():
        call.cancel()
