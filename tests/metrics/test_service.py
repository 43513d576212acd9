from typing import Any, cast

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
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

    def service(self, *, publish: Any = None, listen: Any = None) -> MetricsService:
        return MetricsService(cast(Any, self.clock), publish, listen)

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

    def test_a_port_that_can_not_be_had_keeps_the_daemon_from_starting(self) -> None:
        def listen() -> IListeningPort:
            raise CannotListenError("127.0.0.1", 80, OSError(98, "in use"))

        with self.assertRaisesRegex(OSError, "^METRICS_LISTEN: .*in use"):
            self.service(listen=listen).startService()
