"""Why it can't start. What starts is in tests/integration/test_asgi.py."""

import asyncio

from twisted.trial.unittest import SynchronousTestCase

from piecesd.asgi.running import CantRun, start


class FailureTests(SynchronousTestCase):
    def failure(self, **settings: str) -> str:
        async def steps() -> str:
            with self.assertRaises(CantRun) as caught:
                start(settings)
            return str(caught.exception)

        return asyncio.run(steps())

    def test_a_setting_that_is_not_allowed_is_named(self) -> None:
        self.assertRegex(self.failure(MAX_RETRIES="many"), "^piecesd: MAX_RETRIES='many'")
        self.assertRegex(self.failure(DEFAULT_MODEL="gpt-0"), "^piecesd: DEFAULT_MODEL='gpt-0'")

    def test_where_to_listen_is_not_its_affair(self) -> None:
        """It gets as far as the reactor, of which this process has one."""
        told = self.failure(LISTEN="nonsense", WORKERS="none", METRICS_LISTEN="?")
        self.assertEqual(told, "piecesd: this process has a Twisted reactor already")
