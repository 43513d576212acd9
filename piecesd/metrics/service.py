"""Keeps the metrics of several workers fresh, and their own port open."""

import socket
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IReactorFDSet,
    IReactorTime,
)
from twisted.internet.task import LoopingCall
from twisted.internet.tcp import Port
from twisted.logger import Logger

PUBLISH_SECONDS = 2.0
"""How old another worker's figures may be."""


class _SharedPort(Port):
    """A port that every worker opens for itself; the system spreads the
    connections. The pages are the same."""

    def createInternetSocket(self) -> socket.socket:
        listening_socket: socket.socket = super().createInternetSocket()
        listening_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return listening_socket


def listen(
    reactor: IReactorFDSet, host: str, port: int, factory: IProtocolFactory, *, shared: bool
) -> IListeningPort:
    """Listen on the metrics' own port.

    :param shared: other workers do so, too.
    :raises CannotListenError: the address can't be had.
    """
    listening_port = (_SharedPort if shared else Port)(port, factory, 50, host, reactor)
    listening_port.startListening()
    return listening_port


class MetricsService(Service):
    """Publishes this worker's figures now and then, and listens where it is to.

    :param publish: None where nobody but this process shows them.
    :param listen: opens the metrics' own port; None where they have none.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        publish: Callable[[], None] | None,
        listen: Callable[[], IListeningPort] | None,
    ) -> None:
        self._publish = publish
        self._listen = listen
        self._port: IListeningPort | None = None
        self._loop = LoopingCall(self._publish_safely)
        self._loop.clock = clock

    def startService(self) -> None:
        """:raises OSError: the port can't be had."""
        super().startService()
        if self._listen is not None:
            try:
                self._port = self._listen()
            except CannotListenError as error:
                raise OSError(f"METRICS_LISTEN: {error}") from None
            bound: Any = self._port.getHost()
            host = f"[{bound.host}]" if ":" in bound.host else bound.host
            self._log.info("Metrics on http://{host}:{port}/metrics", host=host, port=bound.port)
        if self._publish is not None:
            self._loop.start(PUBLISH_SECONDS)

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()
        port, self._port = self._port, None
        return None if port is None else port.stopListening()

    def _publish_safely(self) -> None:
        assert self._publish is not None
        try:
            self._publish()
        except Exception:  # a LoopingCall whose body raises stops for good
            self._log.failure("Publishing the metrics failed")
