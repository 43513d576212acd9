"""The daemon as one Twisted service: what starts when, and how it all ends."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import ILogObserver, Logger

from piecesd.config import CpuAffinity
from piecesd.http.sockets import CantListen, ListeningSocket
from piecesd.process import pin_to_cores, set_time_zone, tune_garbage_collection

if TYPE_CHECKING:
    from piecesd.http.listening import Listeners
    from piecesd.http.site import ApiSite

RETIRE_SECONDS = 1.0

_log = Logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessSettings:
    """``drain_timeout_seconds``: how long running requests may take at the end.
    ``worker``: the number of this process, where it is one of several."""

    cpu_affinity: CpuAffinity
    time_zone: str
    drain_timeout_seconds: float
    worker: int | None = None


class CantStart(SystemExit, Exception):
    """The daemon can't start; its text is one line that says why.

    A SystemExit, so that this line is all that is to be seen. An Exception as
    well, for twistd reports no other to the process that waits in the terminal
    for a daemon to start, which would wait for ever.
    """


class Ending:
    """The end of a daemon in two steps: first stop, which lets requests finish;
    then, where that is told to end as well, end what is left at once.

    :param signals_hurry: whether a second signal is the second step.
    """

    _log = Logger()

    def __init__(self, reactor: Any, *, signals_hurry: bool = True) -> None:
        self._reactor = reactor
        self._signals_hurry = signals_hurry
        self._hurry: Callable[[], None] = lambda: None
        self._begun = False

    def on_hurry(self, hurry: Callable[[], None]) -> None:
        """Have ``hurry`` called at the second step."""
        self._hurry = hurry

    def watch_signals(self) -> None:
        """Take SIGTERM and SIGINT over, once Twisted has set its own handlers.

        Those would have twistd die of the signal once all has stopped, and not
        exit with status 0.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)

    def begin(self) -> None:
        """Stop the reactor, and so all services; later calls change nothing."""
        if not self._begun:
            self._begun = True
            self._reactor.stop()

    def hurry(self) -> None:
        """Stop, and wait for nobody."""
        self.begin()
        self._hurry()

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._told, signal.Signals(number).name)

    def _told(self, signal_name: str) -> None:
        if not self._begun:
            self._log.info("Received {signal}", signal=signal_name)
            self.begin()
        elif self._signals_hurry:
            self._log.info("Received {signal} again: ending at once", signal=signal_name)
            self.hurry()


async def stop_parts(parts: Sequence[Service]) -> None:
    """Stop ``parts``, the last one first. One that fails holds no other up."""
    for part in reversed(parts):
        try:
            await maybeDeferred(part.stopService)
        except Exception:  # the others are to stop all the same
            _log.failure("Stopping {part} failed", part=part)


class Daemon(Service):
    """Starts its parts in order, and stops them in the opposite one after the
    requests.

    :param observer: becomes the application's log observer before twistd
        begins to log; None leaves twistd's own.
    :param listeners: those of ``site``.
    :param listen: has them accept, and whatever else listens; called while the
        process may still be root.
    :param announce: called with the sockets once everything runs, the reactor too.
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
        listeners: Listeners,
        listen: Callable[[], Sequence[ListeningSocket]],
        announce: Callable[[Sequence[ListeningSocket]], None],
        ending: Ending,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._observer = observer
        self._parts = tuple(parts)
        self._site = site
        self._listeners = listeners
        self._listen = listen
        self._announce = announce
        self._sockets: Sequence[ListeningSocket] = ()
        self._drain_seconds = settings.drain_timeout_seconds
        self._ending = ending
        ending.on_hurry(self._hurry)

    def setServiceParent(self, parent: Any) -> None:
        super().setServiceParent(parent)
        if self._observer is not None:
            parent.setComponent(ILogObserver, self._observer)

    def privilegedStartService(self) -> None:
        """Open the ports.

        :raises CantStart: one can't be had.
        """
        try:
            self._sockets = self._listen()
        except CantListen as error:
            raise CantStart(f"piecesd: {error}") from None

    def startService(self) -> None:
        """Start everything. twistd has forked by now, so threads may be born.

        :raises CantStart: a part can't start.
        """
        super().startService()
        set_time_zone(self._settings.time_zone)
        try:
            cores = pin_to_cores(self._settings.cpu_affinity, worker=self._settings.worker)
            for part in self._parts:
                part.startService()
        except OSError as error:
            self._listeners.close()
            raise CantStart(f"piecesd: can't start: {error}") from None
        if cores is not None:
            self._log.debug("Running on core {cores}", cores=", ".join(map(str, sorted(cores))))
        self._reactor.callLater(0, tune_garbage_collection)
        self._reactor.callWhenRunning(self._ready)

    def retire(self) -> None:
        """Stop soon, when others accept connections here, so that no client notices.

        No more are accepted. For a second, requests on those there are, some
        of them just made, are answered as ever; each then has to go elsewhere.
        """
        self._listeners.close()
        self._site.closes_connections = True
        self._reactor.callLater(RETIRE_SECONDS, self._ending.begin)

    def stopService(self) -> Deferred[None]:
        """Take no more connections, let requests finish, then stop the parts."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._log.info(
            "Stopping; requests have {seconds:g}s to finish",
            seconds=self._drain_seconds,
        )
        await self._listeners.close()
        await self._site.drain(self._drain_seconds)
        await stop_parts(self._parts)

    def _ready(self) -> None:
        """Take the signals over, then say that the daemon is there."""
        self._ending.watch_signals()
        self._announce(self._sockets)

    def _hurry(self) -> None:
        self._drain_seconds = 0.0
        Deferred.fromCoroutine(self._site.drain(0))
