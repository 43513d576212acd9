"""The completion in a real zsh, where Tab is pressed."""

from shutil import which
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from piecesd.manual.option import Option
from piecesd.manual.zsh import zsh_completion
from tests.manual.terminal import REPO, Shell

FUNCTIONS = REPO / "share/zsh/site-functions"
LOAD = f"fpath=({FUNCTIONS} $fpath); autoload -Uz compinit; compinit -u -D; setopt nobeep"


@skipIf(which("zsh") is None, "no zsh here")
class ZshTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.shell = Shell(self, ["zsh", "-f", "-i"], LOAD)

    def test_an_option_is_completed_up_to_its_value(self) -> None:
        self.assertEqual(self.shell.arguments_after("--gpt-g\tx"), "<--gpt-grpc-addr=x>")

    def test_a_value_is_completed_from_those_allowed(self) -> None:
        self.assertEqual(
            self.shell.arguments_after("--blacklist-mode=su\t"), "<--blacklist-mode=subnet>"
        )

    def test_a_file_is_completed_from_those_there_are(self) -> None:
        self.assertEqual(
            self.shell.arguments_after("--models-file=a\t"), "<--models-file=a-file.json>"
        )


class TextTests(SynchronousTestCase):
    def test_what_has_a_meaning_in_a_specification_is_escaped(self) -> None:
        option = Option(long="x", short="", help="It's [a:b].", takes_value=False, setting=None)
        self.assertIn(r"""'--x[It'\''s \[a\:b\].]'""", zsh_completion("program", [option]))
