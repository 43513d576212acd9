"""The command line of the soak."""

import io
from contextlib import redirect_stderr

from twisted.trial.unittest import SynchronousTestCase

from soak.__main__ import parse_options
from soak.accidents import log_failures


class OptionsTests(SynchronousTestCase):
    def test_five_minutes_are_the_rule(self) -> None:
        self.assertEqual(parse_options([]).minutes, 5.0)

    def test_a_soak_without_time_or_clients_is_refused(self) -> None:
        for arguments in (["--minutes", "0"], ["--clients", "0"]):
            with redirect_stderr(io.StringIO()):
                self.assertRaises(SystemExit, parse_options, arguments)


class LogTests(SynchronousTestCase):
    def test_lines_of_failures_are_found(self) -> None:
        log = "a [x#info] fine\nb [x#error] bad\nTraceback (most recent call last):\n"
        self.assertEqual(
            log_failures(log), ["b [x#error] bad", "Traceback (most recent call last):"]
        )
