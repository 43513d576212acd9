from typing import Any, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, globalLogBeginner

from piecesd.asgi.channel import HostedSite
from piecesd.asgi.service import HostedService
from tests.http.wire import WireTestCase


class Part(Service):
    """Says what is done with it."""

    def __init__(self, name: str, happened: list[str]) -> None:
        self.name = name
        self._happened = happened

    def startService(self) -> None:
        super().startService()
        self._happened.append(f"start {self.name}")

    def stopService(self) -> None:
        super().stopService()
        self._happened.append(f"stop {self.name}")
        if self.name == "broken":
            raise OSError("it is stuck")


class HostedServiceTests(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.happened: list[str] = []
        self.observers: list[object] = []
        self.patch(globalLogBeginner, "beginLoggingTo", self.begin_logging)
        self.observer = cast(ILogObserver, self.events.append)
        self.hosted_site = HostedSite(self.api, cast(Any, self.clock))
        self.service = HostedService(
            site=self.hosted_site,
            observer=self.observer,
            parts=[Part(name, self.happened) for name in ("log", "broken", "upstream")],
            drain_timeout_seconds=3.0,
            announce=lambda: self.happened.append("announce"),
        )

    def begin_logging(self, observers: list[object], *, redirectStandardIO: bool) -> None:  # noqa: N803
        self.assertFalse(redirectStandardIO)
        self.observers += observers

    def test_parts_start_in_order_and_stop_in_the_opposite_one(self) -> None:
        self.service.startService()
        self.assertEqual(self.observers, [self.observer])
        self.assertEqual(self.happened, ["start log", "start broken", "start upstream", "announce"])
        self.happened.clear()
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.happened, ["stop upstream", "stop broken", "stop log"])
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_requests_have_their_time_before_the_parts_stop(self) -> None:
        self.site = self.hosted_site
        self.service.startService()
        drained: Deferred[None] = Deferred()
        asked: list[float] = []

        async def drain(seconds: float) -> None:
            asked.append(seconds)
            await drained

        self.patch(self.hosted_site, "drain", drain)
        stopped = self.service.stopService()
        self.assertEqual(asked, [3.0])
        self.assertNoResult(stopped)
        self.assertNotIn("stop upstream", self.happened)
        drained.callback(None)
        self.successResultOf(stopped)
        self.flushLoggedErrors(OSError)
