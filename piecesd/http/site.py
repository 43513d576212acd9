"""The server: its connections, and how it comes to an end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.web.server import Site

from piecesd.http.access_line import AccessLog
from piecesd.http.bodies import HeldBodies
from piecesd.http.channel import ApiChannel
from piecesd.http.request import ApiRequest

if TYPE_CHECKING:
    from piecesd.http.app import Api
    from piecesd.http.metrics import MetricsApi
    from piecesd.stats import FinishedRequest

_FLUSH_SECONDS = 0.5
_ROOM_AGAIN = 0.9
"""Below this part of the most connections, that there are too many is news again."""


def _count_nothing(_request: FinishedRequest) -> None:
    """For a site whose requests nobody counts."""


class ApiSite(Site):
    """Makes a channel for every connection and knows those that are open.

    With ``closes_connections`` the next response on each is its last.

    :param count_finished: called with each request that is over.
    """

    protocol = ApiChannel  # type: ignore[assignment]  # Twisted wants its switch to HTTP/2
    requestFactory = ApiRequest  # noqa: N815
    noisy = False
    _log = Logger()

    def __init__(
        self,
        api: Api | MetricsApi,
        clock: IReactorTime,
        count_finished: Callable[[FinishedRequest], None] = _count_nothing,
    ) -> None:
        super().__init__(api.resource, reactor=clock, timeout=None)
        self.api = api
        self.settings = api.settings
        self.clock = clock
        self.server_name = f"piecesd/{api.version}".encode()
        self.access_log = AccessLog()
        self.count_finished = count_finished
        self.bodies = HeldBodies(api.settings.max_body_memory_bytes)
        self.connections: set[ApiChannel] = set()
        self.draining = False
        self._told_full = False
        self.closes_connections = False
        self._drain_waiters: list[Deferred[None]] = []
        self._drain_step: IDelayedCall | None = None

    def acceptableProtocols(self) -> list[bytes]:  # noqa: N802 Twisted's name
        """What TLS may agree on: our channel speaks nothing else, also where the
        library is there that would have Twisted offer HTTP/2."""
        return [b"http/1.1"]

    def startFactory(self) -> None:
        """Twisted's would start its own access log."""

    def stopFactory(self) -> None:
        """Nothing was started."""

    def log(self, request: Any) -> None:
        """Called by Twisted when the response to ``request`` is complete."""
        request.write_access_line()

    def connection_made(self, channel: ApiChannel) -> None:
        """Have ``channel`` among the connections; where there are too many, drop
        another that only waits for its client, or this one if none does."""
        self.connections.add(channel)
        if len(self.connections) <= self.settings.max_connections:
            return
        dropped = self._idlest_but(channel) or channel
        self.connections.discard(dropped)
        dropped.transport.abortConnection()
        if not self._told_full:
            self._told_full = True
            self._log.warn(
                "There are {count} connections, the most there may be; idle ones make room",
                count=self.settings.max_connections,
            )

    def _idlest_but(self, channel: ApiChannel) -> ApiChannel | None:
        waiting = None
        for each in self.connections:
            if each is channel:
                continue
            if each.is_idle:
                return each
            if each.waits_for_client:
                waiting = each
        return waiting

    def connection_lost(self, channel: ApiChannel) -> None:
        self.connections.discard(channel)
        if len(self.connections) < _ROOM_AGAIN * self.settings.max_connections:
            self._told_full = False
        if self.draining and not self.connections:
            self._end_drain()

    async def drain(self, timeout_seconds: float) -> None:
        """End all connections: each as soon as it has no request under way.

        New requests are refused with ShuttingDown from now on. Answers still
        under way after ``timeout_seconds`` are ended with that error, too, and
        half a second is left to send what is buffered. Returns once it is over,
        whatever clients do. With 0 it ends at once, also when called while
        an earlier call is waiting; both return then.
        """
        self.draining = self.closes_connections = True
        self.api.running.refuse_new()
        for channel in tuple(self.connections):
            if channel.is_idle:
                channel.loseConnection()
        drained: Deferred[None] = Deferred()
        self._drain_waiters.append(drained)
        if not self.connections:
            self._end_drain()
        elif timeout_seconds > 0:
            self._set_drain_step(timeout_seconds, self._cut)
        else:
            self._cut()
            self._end_drain()
        await drained

    def _cut(self) -> None:
        """End the answers under way; leave some time to send their last words."""
        self.api.running.cut_all()
        if self._drain_waiters:
            self._set_drain_step(_FLUSH_SECONDS, self._end_drain)

    def _end_drain(self) -> None:
        if self._drain_step is not None and self._drain_step.active():
            self._drain_step.cancel()
        waiters, self._drain_waiters = self._drain_waiters, []
        for waiter in waiters:
            waiter.callback(None)

    def _set_drain_step(self, after_seconds: float, step: Callable[[], None]) -> None:
        """Take ``step`` next, instead of what was to be next before."""
        if self._drain_step is not None and self._drain_step.active():
            self._drain_step.cancel()
        self._drain_step = self.clock.callLater(after_seconds, step)
