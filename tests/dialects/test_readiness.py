from twisted.trial.unittest import SynchronousTestCase

from piecesd.dialects.readiness import readiness, render_readiness


class ReadinessTests(SynchronousTestCase):
    def test_it_is_ready_where_every_service_is_up_and_nothing_drains(self) -> None:
        self.assertTrue(readiness({"gpt": True}, draining=False).ready)
        self.assertFalse(readiness({"gpt": True, "vertex": False}, draining=False).ready)
        self.assertFalse(readiness({"gpt": True}, draining=True).ready)

    def test_it_names_the_services(self) -> None:
        self.assertEqual(
            render_readiness(readiness({"gpt": True, "vertex": False}, draining=False)),
            b'{"ready":false,"draining":false,"services":{"gpt":"ok","vertex":"down"}}',
        )
