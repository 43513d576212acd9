"""Keeps the metrics of several workers fresh, and their own port open to the last."""

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

PUBLISH_SECONDS = 2.0
"""How old another worker's figures may be."""


class MetricsService(Service):
    """Publishes this worker's figures now and then.

    :param publish: None where nobody but this process shows them.
    :param close_port: called at the end; None where they have no port of their own.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        publish: Callable[[], None] | None,
        close_port: Callable[[], Deferred[Any]] | None,
    ) -> None:
        self._publish = publish
        self._close_port = close_port
        self._loop = LoopingCall(self._publish_safely)
        self._loop.clock = clock

    def startService(self) -> None:
        super().startService()
        if self._publish is not None:
            self._loop.start(PUBLISH_SECONDS)

    def stopService(self) -> Deferred[Any] | None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        return None if self._close_port is None else self._close_port()

    def _publish_safely(self) -> None:
        assert self._publish is not None
        try:
            self._publish()
        except Exception:  # a LoopingCall whose body raises stops for good
            self._log.failure("Publishing the metrics failed")
