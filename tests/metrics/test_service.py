from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.metrics.service import PUBLISH_SECONDS, MetricsService


class MetricsServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.published = 0

    def publish(self) -> None:
        self.published += 1
        if self.published == 2:
            raise OSError("full")

    def service(self, *, publish: Any = None, close_port: Any = None) -> MetricsService:
        return MetricsService(cast(Any, self.clock), publish, close_port)

    def test_it_publishes_until_it_is_stopped_whatever_fails(self) -> None:
        service = self.service(publish=self.publish)
        service.startService()
        self.clock.pump([PUBLISH_SECONDS] * 2)
        service.stopService()
        self.clock.pump([PUBLISH_SECONDS] * 2)
        self.assertEqual(self.published, 3)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_alone_it_has_nothing_to_publish(self) -> None:
        service = self.service()
        service.startService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        service.stopService()

    def test_a_port_of_their_own_is_closed_at_the_end(self) -> None:
        closed: Deferred[None] = Deferred()
        service = self.service(close_port=lambda: closed)
        service.startService()
        self.assertIs(service.stopService(), closed)
