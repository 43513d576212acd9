"""What of the daemon runs in a process that is somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, globalLogBeginner

from piecesd.daemon import stop_parts

if TYPE_CHECKING:
    from piecesd.http.site import ApiSite


class HostedService(Service):
    """Starts its parts in order, and stops them in the opposite one after the
    requests.

    Unlike a `Daemon` it opens no port, takes no signal, and leaves cores, garbage
    collector and time zone as they are: the process is not its own.

    :param observer: gets the log's events from the start on.
    :param announce: called once everything runs.
    """

    def __init__(
        self,
        *,
        site: ApiSite,
        observer: ILogObserver,
        parts: Sequence[Service],
        drain_timeout_seconds: float,
        announce: Callable[[], None],
    ) -> None:
        self.site = site
        self._observer = observer
        self._parts = tuple(parts)
        self._drain_timeout_seconds = drain_timeout_seconds
        self._announce = announce

    def startService(self) -> None:
        """Start everything.

        :raises CantStart: a part can't start.
        :raises OSError: likewise.
        """
        super().startService()
        globalLogBeginner.beginLoggingTo([self._observer], redirectStandardIO=False)
        for part in self._parts:
            part.startService()
        self._announce()

    def stopService(self) -> Deferred[None]:
        """Let requests finish, then stop the parts."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self.site.drain(self._drain_timeout_seconds)
        await stop_parts(self._parts)
