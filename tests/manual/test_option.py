"""What is read of a command's options."""

from twisted.trial.unittest import SynchronousTestCase

from piecesd.command import Options
from piecesd.config import SETTINGS
from piecesd.manual.option import read_options


class ReadTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.options = read_options(Options())
        self.by_name = {option.long: option for option in self.options}

    def test_settings_come_first_and_in_their_order(self) -> None:
        names = [option.long for option in self.options]
        self.assertEqual(names[: len(SETTINGS)], [setting.option for setting in SETTINGS])

    def test_every_option_is_there_once(self) -> None:
        names = [option.long for option in self.options]
        self.assertEqual(len(set(names)), len(names))
        self.assertLessEqual({"background", "env-file", "help", "version", "no-debug"}, set(names))

    def test_flags_take_no_value_and_other_settings_do(self) -> None:
        for option in self.options:
            if option.setting:
                self.assertEqual(option.takes_value, not option.setting.is_flag, option.long)

    def test_short_options_are_known(self) -> None:
        self.assertEqual(self.by_name["env-file"].short, "e")
        self.assertEqual(self.by_name["port"].short, "")

    def test_what_values_may_be_is_known(self) -> None:
        self.assertEqual(self.by_name["log-format"].choices, ("text", "json"))
        self.assertTrue(self.by_name["log-file"].is_file)
        self.assertTrue(self.by_name["env-file"].is_file)
        self.assertFalse(self.by_name["port"].is_file)

    def test_choices_are_all_allowed(self) -> None:
        for option in self.options:
            for choice in option.choices:
                assert option.setting
                self.assertEqual(option.setting.read(choice, "test"), choice)
