"""The command line of the soak."""

import io
from contextlib import redirect_stderr

from twisted.trial.unittest import SynchronousTestCase

from soak.__main__ import parse_options


class OptionsTests(SynchronousTestCase):
    def test_five_minutes_are_the_rule(self) -> None:
        self.assertEqual(parse_options([]).minutes, 5.0)

    def test_a_single_process_and_workers_are_the_rule(self) -> None:
        self.assertEqual(parse_options([]).workers, [1, 2])
        self.assertEqual(parse_options(["--workers", "4"]).workers, [4])

    def test_a_soak_without_time_clients_or_workers_is_refused(self) -> None:
        for arguments in (["--minutes", "0"], ["--clients", "0"], ["--workers", "2", "0"]):
            with redirect_stderr(io.StringIO()):
                self.assertRaises(SystemExit, parse_options, arguments)
