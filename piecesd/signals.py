"""The signals by which a daemon that runs is told to look at its files anew."""

import signal
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

Actions = Mapping[signal.Signals, Sequence[Callable[[], None]]]


class SignalActions(Service):
    """From its start on, each signal of ``actions`` does what stands there, one
    after the other, in the reactor's thread. One that fails does not keep the
    next from being done.

    A signal without actions is left alone. The others stay taken over when this
    stops: what they do by default would end a daemon that is still finishing
    its requests.
    """

    name = "signals"
    _log = Logger()

    def __init__(self, reactor: IReactorFromThreads, actions: Actions) -> None:
        self._reactor = reactor
        self._actions = {number: tuple(each) for number, each in actions.items() if each}

    def startService(self) -> None:
        super().startService()
        for number in self._actions:
            signal.signal(number, self._received)

    def _received(self, number: int, _frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._act, signal.Signals(number))

    def _act(self, number: signal.Signals) -> None:
        for action in self._actions[number]:
            try:
                action()
            except Exception:
                self._log.failure("{signal}: {action} failed", signal=number.name, action=action)
