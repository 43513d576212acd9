"""What systemd is told of this process, where it has asked for that (sd_notify(3)).

It is asked for by NOTIFY_SOCKET, and told by datagrams of lines NAME=value. So
does `start-stop-daemon --notify-await`, which goes away after the first.
"""

import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

SEND_SECONDS = 0.5
"""How long to wait where systemd does not come to read."""

_NAMES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")

Send = Callable[[bytes], None]


class Notifier(Service):
    """Says when the process is ready, is reloading, is stopping, and that it is
    alive: while this runs, twice in every ``watchdog_seconds``.

    :param send: sends a datagram or raises OSError; None where nobody has
        asked, and then nothing here does anything.
    """

    name = "systemd"
    _log = Logger()

    def __init__(self, send: Send | None, reactor: Any, *, watchdog_seconds: float | None) -> None:
        self._send = send
        self._reactor = reactor
        self._watchdog_seconds = watchdog_seconds if send is not None else None
        self._answers: Callable[[float], bool] = lambda _seconds: True
        self._status = ""
        self._loop = LoopingCall(self._be_alive)
        self._loop.clock = reactor

    @classmethod
    def of_process(cls, environ: MutableMapping[str, str], reactor: Any) -> "Notifier":
        """The one that ``environ`` asks for. It is taken out of there, so that no
        child of this process speaks in its name."""
        asked = {name: environ.pop(name, "") for name in _NAMES}
        address = asked["NOTIFY_SOCKET"]
        send = _sender(address) if address[:1] in ("/", "@") else None
        return cls(send, reactor, watchdog_seconds=_watchdog_seconds(asked))

    def watch(self, answers: Callable[[float], bool]) -> None:
        """Say that the process is alive only while ``answers`` returns true. It is
        called with the seconds after which systemd gives up."""
        self._answers = answers

    def around(self, actions: Iterable[Callable[[], None]]) -> list[Callable[[], None]]:
        """``actions`` that reload, with what has to be said before and after. Where
        somebody has asked there is then something to do, so that a reload never
        ends a process that has nothing to reload."""
        if self._send is None:
            return list(actions)
        return [self._reloading, *actions, self._reloaded]

    def ready(self, status: str) -> None:
        """All that there is runs; ``status`` is a line on what that is."""
        self._status = status
        self._tell("READY=1", f"STATUS={status}")

    def startService(self) -> None:
        super().startService()
        if self._send is None:
            return
        self._reactor.addSystemEventTrigger("before", "shutdown", self._stopping)
        if self._watchdog_seconds is not None:
            self._loop.start(self._watchdog_seconds / 2, now=False)

    def stopService(self) -> None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def _reloading(self) -> None:
        # CLOCK_MONOTONIC, as Type=notify-reload compares it.
        now_microseconds = time.monotonic_ns() // 1000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={now_microseconds}", "STATUS=Reloading")

    def _reloaded(self) -> None:
        self.ready(self._status)

    def _stopping(self) -> None:
        self._tell("STOPPING=1", "STATUS=Stopping, requests may finish")

    def _be_alive(self) -> None:
        assert self._watchdog_seconds is not None
        try:
            if self._answers(self._watchdog_seconds):
                self._tell("WATCHDOG=1")
        except Exception:  # the loop would end for good
            self._log.failure("Telling systemd that all is well failed")

    def _tell(self, *assignments: str) -> None:
        if self._send is None:
            return
        try:
            self._send("\n".join(assignments).encode())
        except OSError as error:
            self._log.debug("Nobody was told {first}: {reason}", first=assignments[0], reason=error)


def _sender(address: str) -> Send:
    """:param address: a path, or an abstract name that begins with ``@``."""
    name = os.fsencode(address)
    if address.startswith("@"):
        name = b"\0" + name[1:]

    def send(datagram: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify_socket:
            notify_socket.settimeout(SEND_SECONDS)
            notify_socket.sendto(datagram, name)

    return send


def _watchdog_seconds(asked: Mapping[str, str]) -> float | None:
    """None where this process is not watched (sd_watchdog_enabled(3))."""
    if asked["WATCHDOG_PID"] not in ("", str(os.getpid())):
        return None
    microseconds = asked["WATCHDOG_USEC"]
    return int(microseconds) / 1e6 if microseconds.isdecimal() and int(microseconds) else None
