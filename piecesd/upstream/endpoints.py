"""The addresses of one service, and which of them the next call goes to."""

from collections.abc import Sequence
from math import ceil
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from piecesd.errors import ApiError, UpstreamError, UpstreamRateLimited, UpstreamRefused
from piecesd.upstream.channels import ChannelPool, PooledChannel
from piecesd.upstream.health import EndpointHealth


class Endpoint:
    """One address of a service: its channels, its share and its health."""

    def __init__(self, name: str, weight: int, pool: ChannelPool, clock: IReactorTime) -> None:
        self.name = name
        self.weight = weight
        self.pool = pool
        self.health = EndpointHealth(clock.seconds)
        self.served = 0
        """Calls so far; they break ties between addresses that are equally busy."""

    @property
    def load(self) -> tuple[float, float]:
        """How busy it would be with one call more, by its weight; less is better."""
        return (self.pool.in_flight + 1) / self.weight, self.served / self.weight

    @property
    def is_usable(self) -> bool:
        """Whether a call now would have a chance."""
        return not self.health.is_ejected and self.pool.is_connectable


class Route:
    """The way of one call: the ``origin`` of its failures.

    `report` or `abandon` says how the call went; `release` frees the channel
    of it, which may come before that.
    """

    _log = Logger()

    def __init__(self, endpoint: Endpoint, channel: PooledChannel) -> None:
        self.endpoint = endpoint
        self.channel = channel
        self._reported = False

    def report(self, error: ApiError | None) -> None:
        """What the call says of its address: that it is well (None), that it is
        not, or, if the error is not its fault, nothing. Only the first counts."""
        if self._reported:
            return
        self._reported = True
        health = self.endpoint.health
        was_ejected = health.is_ejected
        if error is None:
            health.succeed()
        elif isinstance(error, UpstreamRateLimited):
            health.abandon()
            if error.retry_after_seconds is not None:
                health.pause(error.retry_after_seconds)
        elif isinstance(error, UpstreamError) and not isinstance(error, UpstreamRefused):
            health.fail()
        else:
            health.abandon()
        if health.is_ejected and not was_ejected:
            self._log.warn(
                "{address} is ejected for {seconds:.0f}s: {error}",
                address=self.endpoint.name,
                seconds=health.usable_in(),
                error=str(error),
            )
        elif was_ejected and not health.is_ejected:
            self._log.info("{address} is well again", address=self.endpoint.name)

    def abandon(self) -> None:
        """The call was given up, for no fault of the address."""
        if not self._reported:
            self._reported = True
            self.endpoint.health.abandon()

    def release(self) -> None:
        """The call is over."""
        self.endpoint.pool.release(self.channel)


class Endpoints:
    """All addresses of a service; used only in the reactor thread.

    A call goes to the least loaded of the healthy ones, a retry to another than
    the one that failed where there is one. When all are ejected, the one whose
    failure is longest ago is tried rather than refusing.
    """

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.endpoints = tuple(endpoints)

    def usable_in(self) -> float:
        """Seconds until `acquire` finds an address; 0 for now. Ejections do not
        count: where all are ejected, one is tried all the same."""
        return min(endpoint.health.paused_for for endpoint in self.endpoints)

    def acquire(self, avoid: object) -> Route:
        """Count a call on the best channel of the best address.

        :param avoid: the Route of a failed attempt, or None.
        :raises UpstreamRateLimited: every address has asked to be left alone.
        :raises ShuttingDown: the pools have stopped.
        """
        failed = avoid if isinstance(avoid, Route) else None
        endpoint = self._choose(None if failed is None else failed.endpoint)
        channel = endpoint.pool.acquire(None if failed is None else failed.channel)
        endpoint.health.begin()
        endpoint.served += 1
        return Route(endpoint, channel)

    def _choose(self, failed: Endpoint | None) -> Endpoint:
        usable = [each for each in self.endpoints if each.health.usable_in() == 0.0]
        others = [each for each in usable if each is not failed]
        if others or usable:
            return min(others or usable, key=lambda each: each.load)
        resting = [each for each in self.endpoints if not each.health.paused_for]
        if resting:
            return min(resting, key=lambda each: each.health.last_failure_at)
        raise UpstreamRateLimited(retry_after_seconds=ceil(self.usable_in()))

    @property
    def is_usable(self) -> bool:
        """Whether a call now would have a chance at some address."""
        return any(endpoint.is_usable for endpoint in self.endpoints)

    def figures(self) -> list[dict[str, Any]]:
        """The addresses in numbers, as plain JSON values."""
        return [
            {
                "address": endpoint.name,
                "weight": endpoint.weight,
                "usable": endpoint.is_usable,
                "channels": figures.channels,
                "in_flight": figures.in_flight,
                "opened": figures.opened,
                "closed": figures.closed,
            }
            for endpoint, figures in ((each, each.pool.figures()) for each in self.endpoints)
        ]
