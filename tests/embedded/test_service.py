"""The embedded upstream as a Twisted service, before it starts. What it does
once it has is in tests/integration/test_embedded.py."""

import threading
from types import MappingProxyType

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.embedded.echo import EchoModel
from piecesd.embedded.model import Model
from piecesd.embedded.relay import RelayModel
from piecesd.embedded.service import EmbeddedUpstreamService, make_model


def model(relay_base_url: str | None) -> Model:
    return make_model(
        echo_delay_seconds=0,
        relay_base_url=relay_base_url,
        relay_api_key=None,
        relay_model_map=MappingProxyType({}),
        reactor=MemoryReactorClock(),
    )


class MakeModelTests(SynchronousTestCase):
    def test_without_a_server_to_relay_to_the_demonstration_model_answers(self) -> None:
        self.assertIsInstance(model(None), EchoModel)

    def test_with_one_the_relay_answers_and_is_named_after_it(self) -> None:
        made = model("http://127.0.0.1:11434/v1")
        self.assertIsInstance(made, RelayModel)
        self.assertEqual(made.name, "a relay to http://127.0.0.1:11434/v1")


class EmbeddedUpstreamServiceTests(SynchronousTestCase):
    def test_making_one_starts_no_thread(self) -> None:
        before = threading.active_count()
        service = EmbeddedUpstreamService(model(None), reactor=MemoryReactorClock())
        self.assertEqual((threading.active_count(), service.port), (before, 0))

    def test_one_that_never_started_stops_at_once(self) -> None:
        service = EmbeddedUpstreamService(model(None), reactor=MemoryReactorClock())
        self.assertIsNone(self.successResultOf(service.stopService()))
