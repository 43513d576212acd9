"""A worker's process, as the supervisor sees it."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Any, Protocol

import msgspec
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from piecesd.workers.messages import (
    AskAll,
    Drain,
    Hurry,
    Message,
    Ready,
    Report,
    Retire,
    Tell,
    decode_report,
    encode,
)
from piecesd.workers.place import ORDERS_FD, REPORTS_FD, Place

_MODULE = "piecesd.workers"


class Listener(Protocol):
    """Who is told what a worker says, and that it has ended."""

    def ready(self, worker: "WorkerProcess") -> None: ...
    def reported(self, worker: "WorkerProcess", report: Report) -> None: ...
    def asked(self, worker: "WorkerProcess") -> None: ...
    def ended(self, worker: "WorkerProcess", how: str) -> None: ...


class WorkerProcess(ProcessProtocol):
    """Its pipes and its life; a `piecesd.workers.fleet.Process`.

    ``heard_seconds``: when it was heard of last.
    """

    transport: Any
    _log = Logger()

    def __init__(self, number: int, listener: Listener, *, started_seconds: float) -> None:
        self.number = number
        self.started_seconds = started_seconds
        self.heard_seconds = started_seconds
        self.pid = 0
        self._listener = listener
        self._unfinished_line = b""

    def send(self, message: Message) -> None:
        if ORDERS_FD in self.transport.pipes:
            self.transport.writeToChild(ORDERS_FD, encode(message))

    def ask(self) -> None:
        self.send(Tell())

    def drain(self) -> None:
        self.send(Drain())

    def retire(self) -> None:
        self.send(Retire())

    def hurry(self) -> None:
        self.send(Hurry())

    def kill(self) -> None:
        self.signal(Signals.SIGKILL)

    def signal(self, number: Signals) -> None:
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(number)

    # Called by Twisted.

    def connectionMade(self) -> None:
        self.pid = self.transport.pid

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N803
        *lines, self._unfinished_line = (self._unfinished_line + data).split(b"\n")
        for line in lines:
            self._said(line)

    def processEnded(self, reason: Failure) -> None:
        error: Any = reason.value
        if error.signal is not None:
            how = f"signal {Signals(error.signal).name}"
        else:
            how = f"exit status {error.exitCode}"
        self._listener.ended(self, how)

    def _said(self, line: bytes) -> None:
        try:
            message = decode_report(line)
        except msgspec.MsgspecError:
            self._log.failure("Worker {number} said what is no report", number=self.number)
            return
        match message:
            case Ready():
                self._listener.ready(self)
            case Report():
                self._listener.reported(self, message)
            case AskAll():
                self._listener.asked(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """How a worker is started: by the same Python, from the same modules, in
    the same directory as this process was.

    ``settings`` go through the environment, where other users can't see them.

    :param twistd_arguments: twistd's own, before the name of the plugin.
    """

    environ: Mapping[str, str]
    settings: Mapping[str, str]
    twistd_arguments: Sequence[str]
    directory: Path
    module_path: Sequence[str]

    def environment(self, place: Place) -> dict[str, str]:
        path = os.pathsep.join(self.module_path)
        return {**self.environ, **self.settings, "PYTHONPATH": path, **place.environment}

    def spawn(
        self,
        reactor: Any,
        worker: WorkerProcess,
        place: Place,
        listening: Sequence[socket.socket],
    ) -> None:
        """:raises OSError: it can't be started."""
        sockets = {
            fd: each.fileno() for fd, each in zip(place.listening_fds, listening, strict=True)
        }
        reactor.spawnProcess(
            worker,
            sys.executable,
            [sys.executable, "-P", "-m", _MODULE, *self.twistd_arguments],
            env=self.environment(place),
            path=str(self.directory),
            childFDs={0: 0, 1: 1, 2: 2, REPORTS_FD: "r", ORDERS_FD: "w", **sockets},
        )
