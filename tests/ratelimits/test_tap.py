from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import Config, load
from piecesd.ratelimits.policy import RateLimit
from piecesd.ratelimits.tap import build, limit_settings


class LimitSettingsTests(SynchronousTestCase):
    def test_a_daemon_for_this_machine_or_with_a_key_has_no_limit(self) -> None:
        for settings in (
            {},
            {"API_KEY": "k"},
            {"HOST": "::1"},
            {"HOST": "0.0.0.0", "API_KEY": "k"},
        ):
            config = load(settings, None, {})
            self.assertFalse(limit_settings(config).any)
            self.assertEqual(build(config, Clock(), shared_directory=None), (None, []))

    def test_one_that_all_can_use_has_sixty_a_minute(self) -> None:
        limits = limit_settings(load({"HOST": "0.0.0.0"}, None, {}))
        self.assertEqual(limits.requests, (RateLimit(name="rate", amount=60, window_seconds=60),))
        self.assertFalse(limit_settings(load({"HOST": "::", "RATE_LIMIT": "0"}, None, {})).any)

    def test_every_limit_can_be_set(self) -> None:
        config = load(
            {
                "RATE_LIMIT": "100",
                "RATE_LIMIT_WINDOW": "3600",
                "BURST_RATE_LIMIT": "5",
                "STRICT_RATE_LIMIT": "20",
                "TOKEN_RATE_LIMIT": "90000",
                "MAX_CLIENT_REQUESTS": "4",
            },
            None,
            {},
        )
        self.assertEqual(
            str(limit_settings(config)),
            "rate 100 in 3600s, burst 5 in 1s, completions 20 in 60s, tokens 90000 in 60s, "
            "4 at a time",
        )

    def test_something_has_to_be_started_for_redis_only(self) -> None:
        limiter, services = build(Config(rate_limit=1), Clock(), shared_directory=None)
        self.assertIsNotNone(limiter)
        self.assertEqual(services, [])
        _, services = build(
            Config(rate_limit=1, redis_url="redis://h"), Clock(), shared_directory=None
        )
        self.assertEqual(len(services), 1)
