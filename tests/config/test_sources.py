"""Which source of settings wins, and how a .env file is read."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import SETTINGS, Config, ConfigError, given_texts, load


class SourcesCase(SynchronousTestCase):
    def env_file(self, text: str | bytes) -> Path:
        path = Path(self.mktemp())
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path


class PrecedenceTests(SourcesCase):
    def test_options_beat_the_environment_which_beats_the_file(self) -> None:
        path = self.env_file("PORT=1\nMAX_RETRIES=1\nBRIDGE_THREADS=1\n")
        config = load({"PORT": "2", "MAX_RETRIES": "2"}, path, {"PORT": "3"})
        self.assertEqual((config.port, config.max_retries, config.bridge_threads), (3, 2, 1))

    def test_without_any_source_the_defaults_hold(self) -> None:
        self.assertEqual(load({}, None, {}), Config())

    def test_an_empty_value_hides_the_one_below_it(self) -> None:
        path = self.env_file("API_KEY=k\nPORT=1\n")
        config = load({"API_KEY": "", "PORT": ""}, path, {})
        self.assertEqual((config.api_keys, config.port), ((), 8787))

    def test_empty_values_of_all_settings_are_a_start_with_defaults(self) -> None:
        empty = {setting.name: "" for setting in SETTINGS}
        config = load(empty, None, {})
        self.assertEqual((config.port, config.api_prefix, config.cors_origins), (8787, "/", ()))

    def test_as_an_environment_the_texts_of_all_sources_make_the_same_settings(self) -> None:
        path = self.env_file("PORT=1\nAPI_KEY=k$1\nLOG_FORMAT=json\nUNKNOWN=1\n")
        sources = ({"PORT": "", "MAX_RETRIES": "2", "PATH": "/bin"}, path, {"HOST": "::1"})
        texts = given_texts(*sources)
        self.assertEqual(load(texts, None, {}), load(*sources))
        self.assertLessEqual(texts.keys(), {setting.name for setting in SETTINGS})

    def test_a_value_that_is_overruled_is_not_checked(self) -> None:
        self.assertEqual(load({"PORT": "bad"}, None, {"PORT": "1"}).port, 1)

    def test_an_error_says_where_the_value_stands(self) -> None:
        path = self.env_file("PORT=bad\n")
        with self.assertRaisesRegex(ConfigError, str(path)):
            load({}, path, {})
        with self.assertRaisesRegex(ConfigError, r"--min-pool-size"):
            load({}, None, {"MIN_POOL_SIZE": "bad"})


class EnvFileTests(SourcesCase):
    def test_a_file_that_was_asked_for_has_to_be_there(self) -> None:
        with self.assertRaisesRegex(ConfigError, "--env-file='.*' can't be used; no such file"):
            load({}, Path(self.mktemp()), {})

    def test_comments_quotes_exports_and_a_byte_order_mark_are_understood(self) -> None:
        path = self.env_file(
            b"\xef\xbb\xbfPORT=1 # note\r\n\n# note\n"
            b"export DEFAULT_MODEL='gpt 4'\nTZ=\"UTC\"\nHOST\n"
        )
        config = load({}, path, {})
        self.assertEqual((config.port, config.default_model, config.time_zone), (1, "gpt 4", "UTC"))

    def test_a_dollar_sign_in_a_key_is_kept(self) -> None:
        self.assertEqual(
            load({}, self.env_file("API_KEY=a${HOME}$b\n"), {}).api_keys, ("a${HOME}$b",)
        )

    def test_a_line_that_is_no_setting_is_an_error_with_its_number(self) -> None:
        with self.assertRaisesRegex(ConfigError, "line 2: allowed is NAME=value"):
            load({}, self.env_file("PORT=1\n'oops\n"), {})

    def test_what_is_no_text_file_is_an_error(self) -> None:
        with self.assertRaisesRegex(ConfigError, "UTF-8"):
            load({}, self.env_file(b"PORT=\xff\xfe"), {})
        directory = Path(self.mktemp())
        directory.mkdir()
        with self.assertRaisesRegex(ConfigError, "can't be read"):
            load({}, directory, {})
