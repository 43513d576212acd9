"""The worker's end of the pipes: it reports, and does as it is told."""

import os
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from piecesd.daemon import Ending
from piecesd.workers.figures import merge
from piecesd.workers.messages import (
    All,
    AskAll,
    Drain,
    Hurry,
    Message,
    Ready,
    Report,
    Retire,
    Status,
    Tell,
    decode_order,
    encode,
)
from piecesd.workers.place import ORDERS_FD, REPORTS_FD, Place

REPORT_SECONDS = 1.0
ANSWER_SECONDS = 1.0
"""How long to wait for the supervisor, which itself waits for no worker longer
than a quarter of that."""

_MAX_LINE_BYTES = 1 << 24


class _Orders(LineOnlyReceiver):
    """Reads orders line by line; `send` answers on the other pipe."""

    delimiter = b"\n"
    MAX_LENGTH = _MAX_LINE_BYTES

    def __init__(self, received: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._received = received
        self._lost = lost

    def lineReceived(self, line: bytes) -> None:
        self._received(line)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._lost()


class Control(Service):
    """A part of a worker's daemon. Without a supervisor it ends the worker:
    nobody would, otherwise, and nobody could start another.

    :param ending: of this worker.
    """

    name = "control"
    _log = Logger()

    def __init__(self, place: Place, ending: Ending, reactor: Any) -> None:
        self._place = place
        self._ending = ending
        self._reactor = reactor
        self._status: Callable[[], Status] = dict
        self._retire: Callable[[], None] = ending.begin
        self._transport: StandardIO | None = None
        self._questions: list[Deferred[All]] = []
        self._closed: Deferred[None] | None = None
        self._loop = LoopingCall(self._report)
        self._loop.clock = reactor

    def serve(self, status: Callable[[], Status], retire: Callable[[], None]) -> None:
        """Have ``status`` called for how this worker is, and ``retire`` when
        another has taken its place."""
        self._status = status
        self._retire = retire

    def announce(self, _listening: object) -> None:
        """Tell the supervisor that connections are accepted."""
        self._send(Ready())

    async def all_workers(self, own: Status) -> Status:
        """How the daemon is, of which this worker is ``own``; it alone, where
        the supervisor does not answer."""
        question: Deferred[All] = Deferred()
        # Those that ask meanwhile get the same answer.
        self._questions.append(question)
        if len(self._questions) == 1:
            self._send(AskAll())
        question.addTimeout(ANSWER_SECONDS, self._reactor)
        try:
            everyone = await question
        except Exception:
            self._log.warn("The supervisor did not say in time how the other workers are")
            return own
        finally:
            if question in self._questions:
                self._questions.remove(question)
        status = merge(own, everyone.others)
        status["uptime_seconds"] = everyone.uptime_seconds
        status["workers"] = [
            {"worker": each.worker, "pid": each.pid, "uptime_seconds": each.uptime_seconds}
            for each in everyone.members
        ]
        return status

    def startService(self) -> None:
        super().startService()
        for fd in (REPORTS_FD, ORDERS_FD):
            os.set_inheritable(fd, False)
        orders = _Orders(self._order, self._lost)
        connect: Any = StandardIO  # mypy reads the one for Windows
        self._transport = connect(orders, stdin=ORDERS_FD, stdout=REPORTS_FD, reactor=self._reactor)
        self._loop.start(REPORT_SECONDS, now=False)

    def stopService(self) -> Deferred[None] | None:
        """Say a last time how this worker was, and go when that is sent."""
        super().stopService()
        self._loop.stop()
        if self._transport is None:
            return None
        self._report()
        self._closed = Deferred()
        self._transport.loseConnection()
        return self._closed

    def _report(self) -> None:
        try:
            self._send(Report(status=self._status()))
        except Exception:  # the loop would end for good
            self._log.failure("Reporting to the supervisor failed")

    def _send(self, message: Message) -> None:
        if self._transport is not None:
            self._transport.write(encode(message))

    def _order(self, line: bytes) -> None:
        try:
            order = decode_order(line)
        except msgspec.MsgspecError:
            self._log.failure("The supervisor said what this worker does not understand")
            return
        match order:
            case Tell():
                self._report()
            case Drain():
                self._ending.begin()
            case Retire():
                self._retire()
            case Hurry():
                self._ending.hurry()
            case All():
                questions, self._questions = self._questions, []
                for question in questions:
                    question.callback(order)

    def _lost(self) -> None:
        self._transport = None
        questions, self._questions = self._questions, []
        for question in questions:
            question.errback(ConnectionDone())
        if self._closed is not None:
            self._closed.callback(None)
            return
        self._log.error("The supervisor of worker {number} is gone", number=self._place.number)
        self._ending.begin()
