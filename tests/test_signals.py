import os
import signal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from piecesd.signals import SignalActions


class Reactor:
    def __init__(self) -> None:
        self.calls = 0

    def callFromThread(self, call: Any, *arguments: Any) -> None:
        self.calls += 1
        call(*arguments)


class SignalActionsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.done: list[str] = []
        for each in (signal.SIGHUP, signal.SIGUSR1):
            self.addCleanup(signal.signal, each, signal.getsignal(each))

    def start(self, actions: Any) -> None:
        SignalActions(self.reactor, actions).startService()  # type: ignore[arg-type]

    def test_a_signal_without_actions_is_left_alone(self) -> None:
        before = signal.getsignal(signal.SIGHUP)
        self.start({signal.SIGHUP: [], signal.SIGUSR1: [lambda: None]})
        self.assertEqual(signal.getsignal(signal.SIGHUP), before)
        self.assertNotEqual(signal.getsignal(signal.SIGUSR1), signal.SIG_DFL)

    def test_each_signal_does_what_is_its_own_in_the_reactors_thread(self) -> None:
        self.start(
            {
                signal.SIGHUP: [lambda: self.done.append("a"), lambda: self.done.append("b")],
                signal.SIGUSR1: [lambda: self.done.append("c")],
            }
        )
        for each in (signal.SIGHUP, signal.SIGUSR1):
            os.kill(os.getpid(), each)
        self.assertEqual(self.done, ["a", "b", "c"])
        self.assertEqual(self.reactor.calls, 2)

    def test_what_fails_is_logged_and_the_next_is_done(self) -> None:
        self.start({signal.SIGHUP: [lambda: 1 / 0, lambda: self.done.append("b")]})
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(self.done, ["b"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
