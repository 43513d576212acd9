"""Settings as options, through twisted's own parser of options."""

from twisted.python.usage import Options
from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import SETTINGS, given_options, load, option_flags, option_parameters


class PiecesOptions(Options):
    optParameters = option_parameters()
    optFlags = option_flags()


def given(*arguments: str) -> dict[str, str]:
    options = PiecesOptions()
    options.parseOptions(list(arguments))
    return given_options(options)


class OptionsTests(SynchronousTestCase):
    def test_only_what_was_given_counts(self) -> None:
        self.assertEqual(given(), {})
        self.assertEqual(
            given("--api-prefix", "v2", "--port=0", "--debug"),
            {"API_PREFIX": "v2", "PORT": "0", "DEBUG": "true"},
        )

    def test_an_empty_value_is_a_value(self) -> None:
        self.assertEqual(given("--log-file", ""), {"LOG_FILE": ""})

    def test_a_flag_can_be_undone(self) -> None:
        self.assertFalse(load({"DEBUG": "true"}, None, given("--no-debug")).debug)

    def test_the_help_shows_each_option_with_its_name_and_default(self) -> None:
        lines = " ".join(PiecesOptions().getUsage(width=200).split())
        for setting in SETTINGS:
            self.assertIn(f"--{setting.option}", lines)
            self.assertIn(f"[{setting.name}, default: {setting.default or 'empty'}]", lines)
