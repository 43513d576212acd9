"""The daemon as one Twisted service: what starts when, and how it all ends."""

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import ILogObserver, Logger

from piecesd.config import CpuAffinity
from piecesd.http.listening import CantListen, Listening
from piecesd.http.site import ApiSite
from piecesd.process import pin_to_cores, set_time_zone, tune_garbage_collection


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessSettings:
    """``drain_timeout_seconds``: how long running requests may take at the end."""

    cpu_affinity: CpuAffinity
    time_zone: str
    drain_timeout_seconds: float


class CantStart(SystemExit, Exception):
    """The daemon can't start; its text is one line that says why.

    A SystemExit, so that this line is all that is to be seen. An Exception as
    well, for twistd reports no other to the process that waits in the terminal
    for a daemon to start, which would wait for ever.
    """


class Daemon(Service):
    """Starts its parts in order, and stops them in the opposite one after the
    requests.

    :param observer: becomes the application's log observer before twistd
        begins to log; None leaves twistd's own.
    :param listen: opens the ports, or raises CantListen; called while the
        process may still be root.
    :param announce: called once everything runs, the reactor too.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        settings: ProcessSettings,
        *,
        observer: ILogObserver | None,
        parts: Sequence[Service],
        site: ApiSite,
        listen: Callable[[], Sequence[Listening]],
        announce: Callable[[Sequence[Listening]], None],
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._observer = observer
        self._parts = tuple(parts)
        self._site = site
        self._listen = listen
        self._announce = announce
        self._listening: Sequence[Listening] = ()
        self._drain_seconds = settings.drain_timeout_seconds
        self._told_to_end = False

    def setServiceParent(self, parent: Any) -> None:
        super().setServiceParent(parent)
        if self._observer is not None:
            parent.setComponent(ILogObserver, self._observer)

    def privilegedStartService(self) -> None:
        """Open the ports.

        :raises CantStart: one can't be had.
        """
        try:
            self._listening = self._listen()
        except CantListen as error:
            raise CantStart(f"piecesd: {error}") from None

    def startService(self) -> None:
        """Start everything. twistd has forked by now, so threads may be born.

        :raises CantStart: a part can't start.
        """
        super().startService()
        set_time_zone(self._settings.time_zone)
        try:
            cores = pin_to_cores(self._settings.cpu_affinity)
            for part in self._parts:
                part.startService()
        except OSError as error:
            raise CantStart(f"piecesd: can't start: {error}") from None
        if cores is not None:
            self._log.debug("Running on core {cores}", cores=", ".join(map(str, sorted(cores))))
        self._reactor.callLater(0, tune_garbage_collection)
        self._reactor.callWhenRunning(self._ready)

    def stopService(self) -> Deferred[None]:
        """Take no more connections, let requests finish, then stop the parts."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._log.info(
            "Stopping; requests have {seconds:g}s to finish",
            seconds=self._drain_seconds,
        )
        for listening in self._listening:
            await maybeDeferred(listening.port.stopListening)
        await self._site.drain(self._drain_seconds)
        for part in reversed(self._parts):
            try:
                await maybeDeferred(part.stopService)
            except Exception:  # the others are to stop all the same
                self._log.failure("Stopping {part} failed", part=part)

    def _ready(self) -> None:
        """Take the signals over, then say that the daemon is there.

        Twisted's own handlers, which have been set by now, would have twistd
        die of the signal once all has stopped, and not exit with status 0.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        self._announce(self._listening)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._end, signal.Signals(number).name)

    def _end(self, signal_name: str) -> None:
        """The first time, stop; from then on, end what is left at once."""
        if not self._told_to_end:
            self._told_to_end = True
            self._log.info("Received {signal}", signal=signal_name)
            self._reactor.stop()
            return
        self._log.info("Received {signal} again: ending at once", signal=signal_name)
        self._drain_seconds = 0.0
        Deferred.fromCoroutine(self._site.drain(0))
