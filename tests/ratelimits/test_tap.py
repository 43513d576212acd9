from twisted.application.service import Service
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import Config, load
from piecesd.ratelimits.limiter import RateLimiter
from piecesd.ratelimits.policy import RateLimit
from piecesd.ratelimits.tap import build, limit_settings


class LimitSettingsTests(SynchronousTestCase):
    def build(self, config: Config) -> tuple[RateLimiter | None, list[Service]]:
        return build(config, Clock(), shared_directory=None, count_refusal=self.fail)

    def test_a_daemon_for_this_machine_or_with_a_key_has_no_limit(self) -> None:
        for settings in (
            {},
            {"API_KEY": "k"},
            {"HOST": "::1"},
            {"HOST": "0.0.0.0", "API_KEY": "k"},
        ):
            config = load(settings, None, {})
            self.assertFalse(limit_settings(config).any)
            self.assertEqual(self.build(config), (None, []))

    def test_one_that_all_can_use_has_sixty_a_minute(self) -> None:
        limits = limit_settings(load({"HOST": "0.0.0.0"}, None, {}))
        self.assertEqual(
            limits.requests, (RateLimit(name="requests", amount=60, window_seconds=60),)
        )
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
            "requests 100 in 3600s, burst 5 in 1s, strict 20 in 60s, tokens 90000 in 60s, "
            "4 at a time",
        )

    def test_something_has_to_be_started_for_redis_only(self) -> None:
        limiter, services = self.build(Config(rate_limit=1, max_client_requests=1))
        self.assertIsNotNone(limiter)
        self.assertEqual(services, [])
        for config, count in (
            (Config(redis_url="redis://h", rate_limit=1), 1),
            (Config(redis_url="redis://h", max_client_requests=1), 2),
        ):
            _, services = self.build(config)
            self.assertEqual(len(services), count)
