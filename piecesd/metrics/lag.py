"""How late the reactor runs, and what kept it.

Nothing that runs in the reactor thread may wait, since everybody waits with it.
A heartbeat says by how much that was broken; a thread that waits for the next
beat looks, when it is overdue, at what the reactor thread is doing.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread, get_ident
from types import FrameType

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

BEAT_SECONDS = 0.1
LATE_SECONDS = 0.2
"""A beat that is later is logged, with what ran."""

SILENCE_SECONDS = 5.0
"""Between two such lines; those that fall between are counted."""

_FRAMES_SHOWN = 4
_PACKAGE = Path(__file__).parent.parent
_UNSEEN = "nothing that was seen"


class Heartbeat:
    """The beats, and what was seen while one was overdue. No thread, no I/O.

    `beat` belongs to the reactor thread, `overdue_at` and `note` to the one
    that watches.

    :param seconds: a clock that does not jump.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._last = seconds()
        self._seen = ""
        self._quiet_until = self._last
        self._unsaid = 0

    @property
    def overdue_at(self) -> float:
        """From when on the next beat is late enough to look what runs."""
        return self._last + BEAT_SECONDS + LATE_SECONDS

    def note(self, seen: str) -> None:
        """What the reactor thread is doing while its beat is overdue."""
        self._seen = seen

    def beat(self) -> tuple[float, tuple[str, int] | None]:
        """The reactor is alive.

        :returns: the seconds it was late, and what to log of that: what ran,
            and how many late beats were not logged before. None for nothing.
        """
        now = self._seconds()
        late = max(0.0, now - self._last - BEAT_SECONDS)
        self._last = now
        seen, self._seen = self._seen, ""
        if late <= LATE_SECONDS:
            return late, None
        if now < self._quiet_until:
            self._unsaid += 1
            return late, None
        self._quiet_until = now + SILENCE_SECONDS
        unsaid, self._unsaid = self._unsaid, 0
        return late, (seen or _UNSEEN, unsaid)


class ReactorLag(Service):
    """Measures, as long as it runs, how late the reactor is.

    :param observe: called with the seconds of every beat.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        observe: Callable[[float], None],
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._observe = observe
        self._seconds = seconds
        self._loop = LoopingCall(self._beat)
        self._loop.clock = clock
        self._clock = clock
        self._beginning: IDelayedCall | None = None
        self._stopped = Event()

    def startService(self) -> None:
        super().startService()
        # In the reactor's first turn: what the start takes keeps nobody waiting.
        self._beginning = self._clock.callLater(0, self._begin)

    def _begin(self) -> None:
        self._heartbeat = Heartbeat(self._seconds)
        self._loop.start(BEAT_SECONDS, now=False)
        Thread(
            target=self._watch, args=[get_ident()], name="reactor lag watch", daemon=True
        ).start()

    def stopService(self) -> None:
        super().stopService()
        self._stopped.set()
        if self._beginning is not None and self._beginning.active():
            self._beginning.cancel()
        if self._loop.running:
            self._loop.stop()

    def _beat(self) -> None:
        try:
            late, worth_saying = self._heartbeat.beat()
            self._observe(late)
            if worth_saying is not None:
                ran, unsaid = worth_saying
                self._log.warn(
                    "The reactor was held up for {seconds:.3f}s by {ran} ({unsaid} more times "
                    "since this was last logged)",
                    seconds=late,
                    ran=ran,
                    unsaid=unsaid,
                )
        except Exception:  # a LoopingCall whose body raises stops for good
            self._log.failure("Measuring the reactor's lag failed")

    def _watch(self, reactor_thread: int) -> None:
        """Sleep until the next beat is overdue; look once at what runs then."""
        heartbeat, looked_for = self._heartbeat, 0.0
        while not self._stopped.wait(max(BEAT_SECONDS, heartbeat.overdue_at - self._seconds())):
            due = heartbeat.overdue_at
            if self._seconds() >= due != looked_for:
                looked_for = due
                frame = sys._current_frames().get(reactor_thread)
                if frame is not None:
                    heartbeat.note(what_runs(frame))


def what_runs(innermost: FrameType) -> str:
    """The innermost frame of a stack, and the innermost of piecesd's own, as
    ``file:line function``, from the inside out."""
    frames = list(_stack(innermost))
    ours = [each for each in frames if _PACKAGE in Path(each.f_code.co_filename).parents]
    shown = dict.fromkeys([*frames[:1], *ours[:_FRAMES_SHOWN]])
    return " in ".join(map(_describe, shown))


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _describe(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    shown = path.relative_to(_PACKAGE.parent) if _PACKAGE in path.parents else path.name
    return f"{shown}:{frame.f_lineno} {frame.f_code.co_name}"
