"""The table of settings, and what holds between settings."""

from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import SETTINGS, Config, ConfigError, UpstreamAddress, load

NAMES = [setting.name for setting in SETTINGS]
PLAINTEXT = UpstreamAddress(host="h", port=1, tls=False)
TLS = UpstreamAddress(host="h", port=1, tls=True)


class DefaultsTests(SynchronousTestCase):
    def test_the_defaults_are_those_that_users_know(self) -> None:
        config = Config()
        self.assertEqual(
            (config.api_prefix, config.port, config.max_retries, config.timeout_seconds),
            ("/v1/", 8787, 3, 30.0),
        )
        self.assertEqual((config.min_pool_size, config.max_pool_size), (5, 20))
        self.assertEqual(config.scale_interval_seconds, 30.0)
        self.assertEqual((config.api_keys, config.gpt_addresses, config.log_file), ((), (), None))
        self.assertFalse(config.debug or config.enable_model_route)

    def test_each_field_has_one_setting_with_a_name_of_its_own(self) -> None:
        self.assertEqual([each.attribute for each in SETTINGS], [f.name for f in fields(Config)])
        self.assertEqual(len(set(NAMES)), len(NAMES))


class HostTests(SynchronousTestCase):
    def test_only_this_machine_is_served_while_there_is_no_key(self) -> None:
        self.assertEqual(Config().host, "127.0.0.1")

    def test_all_interfaces_are_served_once_there_is_a_key(self) -> None:
        self.assertEqual(load({"API_KEY": "k"}, None, {}).host, "0.0.0.0")

    def test_an_explicit_host_wins(self) -> None:
        self.assertEqual(load({"API_KEY": "k", "HOST": "::1"}, None, {}).host, "::1")
        self.assertEqual(load({"HOST": "0.0.0.0"}, None, {}).host, "0.0.0.0")


class EndpointTests(SynchronousTestCase):
    def texts(self, **settings: str) -> list[str]:
        return [each.text for each in load(settings, None, {}).endpoints]

    def test_host_and_port_are_one_unless_there_are_others(self) -> None:
        self.assertEqual(self.texts(), ["127.0.0.1:8787"])
        self.assertEqual(self.texts(HOST="::1", PORT="1"), ["[::1]:1"])
        self.assertEqual(self.texts(LISTEN="tcp:1 unix:/run/x"), ["tcp:1", "unix:/run/x"])

    def test_that_of_the_metrics_is_the_last(self) -> None:
        self.assertEqual(
            self.texts(LISTEN="tcp:1", METRICS_LISTEN="9187"), ["tcp:1", "127.0.0.1:9187"]
        )

    def test_several_workers_can_have_several(self) -> None:
        self.assertEqual(len(self.texts(LISTEN="tcp:1 tcp6:2", WORKERS="2")), 2)


class RateLimitTests(SynchronousTestCase):
    def test_who_needs_no_key_and_can_come_from_anywhere_has_a_limit(self) -> None:
        for settings, rate_limit in (
            ({}, 0),
            ({"API_KEY": "k"}, 0),
            ({"HOST": "::1"}, 0),
            ({"HOST": "0.0.0.0"}, 60),
            ({"HOST": "::", "RATE_LIMIT": ""}, 60),
            ({"HOST": "0.0.0.0", "API_KEY": "k"}, 0),
            ({"LISTEN": "tcp:8787"}, 60),
            ({"LISTEN": "tcp:8787:interface=127.0.0.1"}, 0),
        ):
            with self.subTest(settings):
                self.assertEqual(load(settings, None, {}).rate_limit, rate_limit)

    def test_an_explicit_one_wins(self) -> None:
        for rate_limit in (0, 5):
            for host in ("127.0.0.1", "0.0.0.0"):
                settings = {"HOST": host, "RATE_LIMIT": str(rate_limit)}
                self.assertEqual(load(settings, None, {}).rate_limit, rate_limit)


class ContradictionTests(SynchronousTestCase):
    def test_the_smallest_pool_may_not_be_larger_than_the_largest(self) -> None:
        with self.assertRaisesRegex(ConfigError, "^MIN_POOL_SIZE=30 .* MAX_POOL_SIZE, .* 20$"):
            Config(min_pool_size=30)
        self.assertEqual(Config(min_pool_size=20).min_pool_size, 20)

    def test_the_memory_for_bodies_has_room_for_the_largest(self) -> None:
        with self.assertRaisesRegex(
            ConfigError, "^MAX_BODY_MEMORY=1000 .* MAX_BODY_BYTES, .* 2000"
        ):
            Config(max_body_bytes=2000, max_body_memory_bytes=1000)
        self.assertEqual(Config(max_body_bytes=7, max_body_memory_bytes=7).max_body_bytes, 7)

    def test_a_token_never_goes_over_plaintext(self) -> None:
        for both in (
            {"gpt_addresses": (PLAINTEXT,)},
            {"gpt_addresses": (TLS,), "vertex_addresses": (PLAINTEXT,)},
        ):
            with self.subTest(both), self.assertRaisesRegex(ConfigError, r"GRPC_AUTH_TOKEN=\(hid"):
                replace(Config(grpc_auth_token="t"), **both)  # type: ignore[arg-type]
        self.assertEqual(Config(grpc_auth_token="t", gpt_addresses=(TLS,)).grpc_auth_token, "t")


class SecretsTests(SynchronousTestCase):
    CONFIG = Config(
        api_keys=("key-1", "key-2"),
        grpc_auth_token="tok-3",
        relay_api_key="rel-4",
        redis_url="redis://me:red-5@h",
        proxy_secret="pro-6",
    )

    def test_they_are_not_in_the_repr(self) -> None:
        for secret in self.CONFIG.secret_texts:
            self.assertNotIn(secret, repr(self.CONFIG))

    def test_all_of_them_are_known_to_the_redaction(self) -> None:
        self.assertEqual(
            set(self.CONFIG.secret_texts), {"key-1", "key-2", "tok-3", "rel-4", "red-5", "pro-6"}
        )
        self.assertEqual(Config().secret_texts, ())

    def test_an_error_does_not_show_them(self) -> None:
        for name in ("API_KEY", "GRPC_AUTH_TOKEN", "RELAY_API_KEY", "REDIS_URL"):
            with self.subTest(name), self.assertRaises(ConfigError) as caught:
                load({name: "top secret"}, None, {})
            self.assertTrue(str(caught.exception).startswith(f"{name}=(hidden) "))
            self.assertNotIn("top secret", str(caught.exception))

    def test_an_error_does_not_show_a_password_in_a_url(self) -> None:
        with self.assertRaises(ConfigError) as caught:
            load({"RELAY_BASE_URL": "http://me:hunter/2@host"}, None, {})
        self.assertNotIn("hunter", str(caught.exception))


class ErrorTests(SynchronousTestCase):
    def test_an_error_names_the_setting_the_value_the_origin_and_what_is_allowed(self) -> None:
        with self.assertRaises(ConfigError) as caught:
            load({"PORT": "70000"}, None, {})
        self.assertEqual(
            str(caught.exception),
            "PORT='70000' (environment) can't be used; allowed is a whole number from 0 to 65535",
        )

    def test_a_long_value_is_cut_in_the_error(self) -> None:
        with self.assertRaises(ConfigError) as caught:
            load({"PORT": "7" * 100_000}, None, {})
        self.assertLess(len(str(caught.exception)), 300)

    def test_control_characters_are_refused_everywhere(self) -> None:
        for name in NAMES:
            for text in ("a\nb", "a\x00b", "a\x1b[2Jb", "a\ud800b", "a\u2028b"):
                with self.subTest(name=name, text=text), self.assertRaises(ConfigError):
                    load({name: text}, None, {})

    @given(st.sampled_from(NAMES), st.text() | st.from_regex(r"[0-9a-z:/,.=*\[\]@-]{0,20}"))
    def test_any_text_gives_a_config_or_one_line_of_error(self, name: str, text: str) -> None:
        try:
            config = load({name: text}, None, {})
        except ConfigError as error:
            self.assertEqual(len(str(error).splitlines()), 1)
            self.assertIn(name, str(error))
        else:
            self.assertIsInstance(config, Config)


class MetricsTests(SynchronousTestCase):
    def shown(self, **settings: str) -> bool:
        return load(settings, None, {}).shows_metrics

    def test_they_are_open_only_where_all_else_is_and_nobody_else_gets(self) -> None:
        self.assertTrue(self.shown())
        self.assertTrue(self.shown(HOST="::1"))
        self.assertFalse(self.shown(HOST="0.0.0.0"))
        self.assertFalse(self.shown(HOST="127.0.0.1", API_KEY="k"))

    def test_with_listen_every_endpoint_has_to_be_this_machines(self) -> None:
        for listen, shown in (
            ("tcp:1:interface=127.0.0.1", True),
            ("tcp:1:interface=127.0.0.1 unix:/run/x", True),
            ("unix:/run/x tcp:1", False),
            ("haproxy:tcp:1:interface=127.0.0.1", False),
            ("systemd:domain=INET:index=0", False),
        ):
            self.assertEqual(self.shown(LISTEN=listen), shown, listen)

    def test_a_token_shows_them_on_any_address(self) -> None:
        self.assertTrue(self.shown(HOST="0.0.0.0", METRICS_TOKEN="t"))
        self.assertTrue(self.shown(API_KEY="k", METRICS_TOKEN="t", METRICS_LISTEN="9187"))

    def test_a_port_of_their_own_takes_them_from_the_daemons(self) -> None:
        self.assertFalse(self.shown(METRICS_LISTEN="9187"))
