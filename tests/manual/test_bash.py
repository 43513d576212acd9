"""The completion in a real bash, where Tab is pressed."""

import subprocess
from shutil import which
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from piecesd.manual.bash import bash_completion
from piecesd.manual.option import Option
from tests.manual.terminal import REPO, Shell

FILE = REPO / "share/bash-completion/completions/piecesd"


@skipIf(which("bash") is None, "no bash here")
class BashTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.shell = Shell(self, ["bash", "--norc", "--noprofile", "-i"], f"source {FILE}")

    def test_an_option_is_completed_up_to_its_value(self) -> None:
        self.assertEqual(self.shell.arguments_after("--gpt-g\tx"), "<--gpt-grpc-addr=x>")

    def test_a_flag_is_completed_as_a_word(self) -> None:
        self.assertEqual(self.shell.arguments_after("--no-deb\t"), "<--no-debug>")

    def test_a_value_is_completed_from_those_allowed(self) -> None:
        self.assertEqual(self.shell.arguments_after("--log-f\to\tj\t"), "<--log-format=json>")
        self.assertEqual(
            self.shell.arguments_after("--blacklist-mode=su\t"), "<--blacklist-mode=subnet>"
        )

    def test_a_file_is_completed_from_those_there_are(self) -> None:
        self.assertEqual(
            self.shell.arguments_after("--models-file=a\t"), "<--models-file=a-file.json>"
        )

    def test_where_anything_is_allowed_nothing_is_offered(self) -> None:
        self.assertEqual(self.shell.arguments_after("--port=a\t"), "<--port=a>")


class TextTests(SynchronousTestCase):
    @skipIf(which("shellcheck") is None, "no shellcheck here")
    def test_shellcheck_finds_nothing(self) -> None:
        done = subprocess.run(["shellcheck", "-s", "bash", FILE], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_short_options_take_the_same_values(self) -> None:
        option = Option(long="file", short="f", help="", takes_value=True, setting=None)
        self.assertIn("--file | -f)", bash_completion("program", [option]))
