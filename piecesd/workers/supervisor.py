"""The process that looks after the workers, as a Twisted service."""

import atexit
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, Logger

from piecesd.daemon import CantStart, Ending
from piecesd.http.sockets import CantListen, ListeningSocket
from piecesd.logs import LogService
from piecesd.signals import Actions, SignalActions
from piecesd.systemd import Notifier
from piecesd.workers.fleet import Fleet
from piecesd.workers.messages import Report
from piecesd.workers.place import Place
from piecesd.workers.process import Program, WorkerProcess
from piecesd.workers.roll_call import RollCall
from piecesd.workers.shared_directory import SharedDirectory


class Supervisor(Service):
    """Owns the listening sockets, and keeps workers that accept from them.

    :param count: of the workers.
    :param listen: opens the sockets; called while the process may still be root.
    :param check_certificates: raises CantListen where workers could not use
        one; called with the rights that they will have.
    :param have_certificates: whether workers have some to reload.
    :param make_program: called for how a worker is started, once rights and
        directory are those to stay.
    :param announce: called with the sockets when the first worker serves.
    :param use_logs: whether ``logs`` becomes the application's observer.
    :param notifier: of this process; it speaks for the workers.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        count: int,
        *,
        logs: LogService,
        use_logs: bool,
        listen: Callable[[], Sequence[ListeningSocket]],
        check_certificates: Callable[[], object],
        have_certificates: bool,
        directory: SharedDirectory,
        make_program: Callable[[], Program],
        announce: Callable[[Sequence[ListeningSocket]], None],
        notifier: Notifier,
        drain_timeout_seconds: float,
    ) -> None:
        self._reactor = reactor
        self._logs = logs
        self._use_logs = use_logs
        self._listen = listen
        self._check_certificates = check_certificates
        self._directory = directory
        self._make_program = make_program
        self._announce = announce
        self._notifier = notifier
        self._notifier.watch(self._workers_answer)
        self._count = count
        self._drain_seconds = drain_timeout_seconds
        self._sockets: Sequence[ListeningSocket] = ()
        self._program: Program | None = None
        self._announced = False
        self._failed = False
        self._fleet: Fleet[WorkerProcess] = Fleet(
            count,
            self._spawn,
            reactor,
            drain_timeout_seconds=drain_timeout_seconds,
            give_up=self._cant_go_on,
        )
        self._roll_call = RollCall(self._present, reactor)
        self._signals = SignalActions(reactor, self._signal_actions(have_certificates))
        self._ending = Ending(reactor)
        self._ending.on_hurry(self._fleet.hurry)

    def setServiceParent(self, parent: Any) -> None:
        super().setServiceParent(parent)
        if self._use_logs:
            parent.setComponent(ILogObserver, self._logs)

    def privilegedStartService(self) -> None:
        """Open the sockets.

        :raises CantStart: one can't be had.
        """
        try:
            self._sockets = self._listen()
        except CantListen as error:
            raise CantStart(f"piecesd: {error}") from None

    def startService(self) -> None:
        """Start the workers.

        :raises CantStart: they could not use a certificate, or their directory
            can't be made.
        """
        super().startService()
        try:
            self._check_certificates()
            self._directory.make()
        except CantListen as error:
            self._close_sockets()
            raise CantStart(f"piecesd: {error}") from None
        except OSError as error:
            self._close_sockets()
            raise CantStart(f"piecesd: can't start: {error}") from None
        self._logs.startService()
        self._program = self._make_program()
        self._notifier.startService()
        self._signals.startService()
        self._reactor.callWhenRunning(self._ending.watch_signals)
        self._reactor.callWhenRunning(self._fleet.start)

    def stopService(self) -> Deferred[None]:
        """Close the sockets, have the workers drain, and wait until they have
        ended."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._log.info(
            "Stopping; requests have {seconds:g}s to finish", seconds=self._drain_seconds
        )
        self._close_sockets()
        await self._fleet.stop()
        self._directory.remove()
        self._notifier.stopService()
        self._logs.stopService()
        if self._fleet.killed_at_the_end or self._failed:
            # The status of twistd is otherwise 0 whenever it has stopped.
            atexit.register(_exit_with_failure)

    def _close_sockets(self) -> None:
        for each in self._sockets:
            each.close()

    def _spawn(self, number: int) -> WorkerProcess:
        assert self._program is not None
        worker = WorkerProcess(number, self, started_seconds=self._reactor.seconds())
        sockets = [each.socket for each in self._sockets]
        place = Place(number=number, shared_directory=self._directory.path, sockets=len(sockets))
        self._program.spawn(self._reactor, worker, place, sockets)
        return worker

    def _present(self) -> list[WorkerProcess]:
        return [each.process for each in self._fleet.members()]

    def _cant_go_on(self) -> None:
        self._failed = True
        self._log.critical("No worker can be started; the daemon ends")
        self._ending.begin()

    # What workers say.

    def ready(self, worker: WorkerProcess) -> None:
        worker.heard_seconds = self._reactor.seconds()
        if not self._announced:
            self._announced = True
            self._announce(self._sockets)
            self._notifier.ready(f"Serving with {self._count} workers")
        self._fleet.ready(worker)

    def reported(self, worker: WorkerProcess, report: Report) -> None:
        worker.heard_seconds = self._reactor.seconds()
        self._fleet.heard(worker)
        self._roll_call.reported(worker, report)

    def asked(self, worker: WorkerProcess) -> None:
        self._roll_call.ask(worker)

    def ended(self, worker: WorkerProcess, how: str) -> None:
        self._fleet.ended(worker, how)
        self._roll_call.ended(worker)

    def _workers_answer(self, seconds: float) -> bool:
        """Whether each that serves has been heard of in the last ``seconds``."""
        since_seconds = self._reactor.seconds() - seconds
        return all(each.heard_seconds >= since_seconds for each in self._present())

    def _signal_actions(self, have_certificates: bool) -> Actions:
        """SIGHUP only where there is something to look at anew: it ends any
        other daemon, as when its terminal is closed."""
        reloads = self._logs.has_file or have_certificates
        return {
            signal.SIGHUP: self._notifier.around(
                self._passing_on(signal.SIGHUP) if reloads else []
            ),
            signal.SIGUSR1: self._passing_on(signal.SIGUSR1),
            signal.SIGUSR2: [self._fleet.replace_all],
        }

    def _passing_on(self, number: signal.Signals) -> list[Callable[[], None]]:
        return [self._logs.reopen, partial(self._fleet.signal, number)]


def _exit_with_failure() -> None:
    """Registered last and so called first, when all that matters is over."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(1)
