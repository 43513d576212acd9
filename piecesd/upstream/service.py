"""The upstreams as a Twisted service: threads, pools and their LoopingCalls."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from piecesd.upstream.bridge import Bridge
from piecesd.upstream.channels import ChannelPool
from piecesd.upstream.endpoints import Endpoints
from piecesd.upstream.health_checks import HealthCheck
from piecesd.upstream.threads import shed_idle

STOP_SECONDS = 2.0
"""How long the threads may take to come home. With their calls cancelled and
their channels closed they take milliseconds."""


class UpstreamService(Service):
    """Opens and closes everything the upstreams need.

    :param services: the addresses of each family's service; no pool has started.
    :param threads: the bridge's, and others that calls need; not started either.
    :param health_check_interval_seconds: None asks no address how it is.
    """

    _log = Logger()

    def __init__(
        self,
        services: Mapping[str, Endpoints],
        bridge: Bridge,
        threads: Sequence[ThreadPool],
        *,
        scale_interval_seconds: float,
        health_check_interval_seconds: float | None,
        clock: IReactorTime,
    ) -> None:
        self.services = services
        self.bridge = bridge
        self._threads = threads
        self._clock = clock
        self._checks = [
            HealthCheck(endpoint, bridge)
            for endpoints in services.values()
            for endpoint in endpoints.endpoints
        ]
        self._loops = {self._loop(self._adjust): scale_interval_seconds}
        if health_check_interval_seconds is not None:
            self._loops[self._loop(self._check_health)] = health_check_interval_seconds

    def startService(self) -> None:
        super().startService()
        for threads in self._threads:
            threads.start()
        for pool in self._pools():
            pool.start()
        for loop, interval_seconds in self._loops.items():
            loop.start(interval_seconds, now=False)

    def stopService(self) -> Deferred[None]:
        """Cancel what still runs, close the channels, then stop the threads.

        In this order: a thread that waits for its call would never stop.
        """
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for loop in self._loops:
            if loop.running:
                loop.stop()
        for check in self._checks:
            check.cancel()
        self.bridge.cancel_all()
        for pool in self._pools():
            pool.stop()
        deadline = self._clock.seconds() + STOP_SECONDS
        while self.bridge.open_streams and self._clock.seconds() < deadline:
            await deferLater(self._clock, 0.01)
        if self.bridge.open_streams:
            self._log.error("{count} calls did not end in time", count=self.bridge.open_streams)
            return
        for threads in self._threads:
            threads.stop()

    def _loop(self, body: Callable[[], None]) -> LoopingCall:
        def guarded() -> None:
            # A LoopingCall whose body raises stops for good.
            try:
                body()
            except Exception:
                self._log.failure("Looking after the upstreams failed")

        loop = LoopingCall(guarded)
        loop.clock = self._clock
        return loop

    def _adjust(self) -> None:
        for pool in self._pools():
            pool.adjust()
        for threads in self._threads:
            shed_idle(threads)

    def _check_health(self) -> None:
        for check in self._checks:
            check.ask()

    def _pools(self) -> Iterator[ChannelPool]:
        for endpoints in self.services.values():
            for endpoint in endpoints.endpoints:
                yield endpoint.pool

    def readiness(self) -> dict[str, bool]:
        """For each service, whether a call to it would have a chance now."""
        return {name: endpoints.is_usable for name, endpoints in self.services.items()}

    def figures(self) -> dict[str, Any]:
        """The addresses and the threads in numbers, as plain JSON values."""
        return {
            "threads": {"busy": self.bridge.open_streams, "max": self.bridge.max_streams},
            "services": {name: endpoints.figures() for name, endpoints in self.services.items()},
        }
