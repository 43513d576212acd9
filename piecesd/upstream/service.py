"""The upstreams as a Twisted service: threads, pools and their LoopingCall."""

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from piecesd.upstream.bridge import Bridge
from piecesd.upstream.channels import ChannelPool

STOP_SECONDS = 2.0
"""How long the threads may take to come home. With their calls cancelled and
their channels closed they take milliseconds."""


class UpstreamService(Service):
    """Opens and closes everything the upstreams need.

    :param pools: by service, not yet started.
    :param threads: the bridge's, and others that calls need; not started either.
    """

    _log = Logger()

    def __init__(
        self,
        pools: Mapping[str, ChannelPool],
        bridge: Bridge,
        threads: Sequence[ThreadPool],
        *,
        scale_interval_seconds: float,
        clock: IReactorTime,
    ) -> None:
        self.pools = pools
        self.bridge = bridge
        self._threads = threads
        self._scale_interval_seconds = scale_interval_seconds
        self._clock = clock
        self._scaling = LoopingCall(self._adjust)
        self._scaling.clock = clock

    def startService(self) -> None:
        super().startService()
        for threads in self._threads:
            threads.start()
        for pool in self.pools.values():
            pool.start()
        self._scaling.start(self._scale_interval_seconds, now=False)

    def stopService(self) -> Deferred[None]:
        """Cancel what still runs, close the channels, then stop the threads.

        In this order: a thread that waits for its call would never stop.
        """
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._scaling.running:
            self._scaling.stop()
        self.bridge.cancel_all()
        for pool in self.pools.values():
            pool.stop()
        deadline = self._clock.seconds() + STOP_SECONDS
        while self.bridge.open_streams and self._clock.seconds() < deadline:
            await deferLater(self._clock, 0.01)
        if self.bridge.open_streams:
            self._log.error("{count} calls did not end in time", count=self.bridge.open_streams)
            return
        for threads in self._threads:
            threads.stop()

    def _adjust(self) -> None:
        # A LoopingCall whose body raises stops for good.
        try:
            for pool in self.pools.values():
                pool.adjust()
            for threads in self._threads:
                for _ in range(len(threads.waiters) // 2):  # idle ones
                    threads.stopAWorker()
        except Exception:
            self._log.failure("Adjusting the pools failed")

    def figures(self) -> dict[str, Any]:
        """The pools and the threads in numbers, as plain JSON values."""
        return {
            "threads": {"busy": self.bridge.open_streams, "max": self.bridge.max_streams},
            "channels": {
                name: {
                    "open": figures.channels,
                    "in_flight": figures.in_flight,
                    "opened": figures.opened,
                    "closed": figures.closed,
                }
                for name, figures in ((name, pool.figures()) for name, pool in self.pools.items())
            },
        }
