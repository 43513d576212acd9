"""Telling systemd how the process is: what, when, and to whom."""

import os
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.systemd import Notifier


class FakeReactor(Clock):
    """A clock that can be told to shut down."""

    def __init__(self) -> None:
        super().__init__()
        self.triggers: list[tuple[object, ...]] = []

    def addSystemEventTrigger(self, *trigger: object) -> None:  # noqa: N802
        self.triggers.append(trigger)

    def shut_down(self) -> None:
        for phase, event, call in self.triggers:
            assert (phase, event) == ("before", "shutdown")
            assert callable(call)
            call()


class NotifierCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.sent: list[list[str]] = []

    def notifier(self, watchdog_seconds: float | None = None) -> Notifier:
        def send(datagram: bytes) -> None:
            self.sent.append(datagram.decode().split("\n"))

        return Notifier(send, self.reactor, watchdog_seconds=watchdog_seconds)


class StateTests(NotifierCase):
    def test_it_is_ready_with_a_status(self) -> None:
        self.notifier().ready("Listening on x")
        self.assertEqual(self.sent, [["READY=1", "STATUS=Listening on x"]])

    def test_a_reload_is_framed_and_ends_with_the_status_of_before(self) -> None:
        notifier = self.notifier()
        notifier.ready("Listening on x")
        for action in notifier.around([lambda: self.sent.append(["reloads"])]):
            action()
        _, (reloading, monotonic, _status), reloads, ready = self.sent
        self.assertEqual(reloading, "RELOADING=1")
        self.assertRegex(monotonic, r"^MONOTONIC_USEC=\d+$")
        self.assertEqual(reloads, ["reloads"])
        self.assertEqual(ready, ["READY=1", "STATUS=Listening on x"])

    def test_a_reload_of_nothing_is_framed_too(self) -> None:
        for action in self.notifier().around([]):
            action()
        self.assertEqual([each[0] for each in self.sent], ["RELOADING=1", "READY=1"])

    def test_it_is_stopping_as_soon_as_the_reactor_is(self) -> None:
        self.notifier().startService()
        self.assertEqual(self.sent, [])
        self.reactor.shut_down()
        self.assertEqual(self.sent[0][0], "STOPPING=1")

    def test_a_receiver_that_is_gone_harms_nothing(self) -> None:
        def send(_datagram: bytes) -> None:
            raise ConnectionRefusedError

        Notifier(send, self.reactor, watchdog_seconds=None).ready("x")
        self.assertEqual(self.flushLoggedErrors(), [])


class WatchdogTests(NotifierCase):
    def test_it_is_alive_twice_in_the_time_until_it_stops(self) -> None:
        notifier = self.notifier(10.0)
        notifier.startService()
        self.reactor.pump([4.9, 0.2, 4.8, 0.2])
        self.assertEqual(self.sent, [["WATCHDOG=1"], ["WATCHDOG=1"]])
        notifier.stopService()
        self.reactor.advance(100)
        self.assertEqual(len(self.sent), 2)

    def test_it_is_not_while_those_it_speaks_for_do_not_answer(self) -> None:
        notifier = self.notifier(10.0)
        asked_seconds = []
        answers = iter([True, False, True])

        def answer(seconds: float) -> bool:
            asked_seconds.append(seconds)
            return next(answers)

        notifier.watch(answer)
        notifier.startService()
        self.reactor.pump([5.0, 5.0, 5.0])
        self.assertEqual(asked_seconds, [10.0, 10.0, 10.0])
        self.assertEqual(len(self.sent), 2)

    def test_a_question_that_fails_is_logged_and_asked_again(self) -> None:
        notifier = self.notifier(10.0)
        answers = iter([0, 1])
        notifier.watch(lambda _seconds: bool(1 / next(answers)))
        notifier.startService()
        self.reactor.pump([5.0, 5.0])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.sent, [["WATCHDOG=1"]])

    def test_nobody_asks_for_it_without_a_time(self) -> None:
        self.notifier().startService()
        self.reactor.advance(1000)
        self.assertEqual(self.sent, [])


class EnvironmentTests(NotifierCase):
    def of_process(self, **environ: str) -> Notifier:
        notifier = Notifier.of_process(environ, self.reactor)
        self.assertEqual(environ, {}, "a child of this process would speak in its name")
        return notifier

    def receive_at(self, address: str, name: str | bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(name)
            systemd.settimeout(10)
            self.of_process(NOTIFY_SOCKET=address).ready("x")
            self.assertEqual(systemd.recv(1000), b"READY=1\nSTATUS=x")

    def test_a_socket_may_be_a_file(self) -> None:
        with TemporaryDirectory() as directory:
            path = str(Path(directory, "notify"))
            self.receive_at(path, path)

    def test_a_socket_may_be_abstract(self) -> None:
        name = f"piecesd-test-{os.getpid()}"
        self.receive_at(f"@{name}", b"\0" + name.encode())

    def test_without_a_socket_nothing_is_done(self) -> None:
        for environ in ({}, {"NOTIFY_SOCKET": "vsock:2:1"}, {"WATCHDOG_USEC": "2000000"}):
            notifier = self.of_process(**environ)
            notifier.startService()
            notifier.ready("x")
            self.assertEqual(notifier.around([]), [])
            self.assertEqual(self.reactor.triggers, [])
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_the_watchdog_is_for_the_process_that_it_names(self) -> None:
        for pid, microseconds, delays in (
            (str(os.getpid()), "3000000", [1.5]),
            ("", "3000000", [1.5]),
            ("1", "3000000", []),
            ("", "0", []),
            ("", "soon", []),
        ):
            notifier = self.of_process(
                NOTIFY_SOCKET="/nowhere", WATCHDOG_PID=pid, WATCHDOG_USEC=microseconds
            )
            notifier.startService()
            calls = self.reactor.getDelayedCalls()
            self.assertEqual([each.getTime() for each in calls], delays, (pid, microseconds))
            notifier.stopService()
