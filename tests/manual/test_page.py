"""The manual page, as the programs that show it read it."""

import os
import re
import subprocess
from shutil import which
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from piecesd.command import Options
from piecesd.config import SETTINGS
from piecesd.manual.option import Option, read_options
from piecesd.manual.page import page
from tests.manual.terminal import REPO

MAN = REPO / "share/man"
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C", "MANWIDTH": "80"}


def shown(*command: str) -> str:
    """What a command prints, without bold and underline."""
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert not done.stderr, done.stderr
    return re.sub(".\b", "", done.stdout)


class PageTests(SynchronousTestCase):
    @skipIf(which("mandoc") is None, "no mandoc here")
    def test_mandoc_has_nothing_to_say_about_it(self) -> None:
        shown("mandoc", "-T", "lint", "-W", "warning", str(MAN / "man8/piecesd.8"))

    @skipIf(which("man") is None, "no man here")
    def test_man_finds_it_under_both_names(self) -> None:
        for name in ("piecesd", "pieces"):
            text = shown("man", "-M", str(MAN), name)
            self.assertIn("OpenAI HTTP API over gRPC inference services", text)
            for setting in SETTINGS:
                self.assertIn(f"--{setting.option}", text)

    def test_every_setting_has_its_values_default_and_variable(self) -> None:
        text = page(read_options(Options()))
        for setting in SETTINGS:
            item = text.partition(f"\n.It Fl -{setting.option}")[2].partition("\n.It")[0]
            self.assertIn("\nAllowed: ", item)
            self.assertIn("\nDefault: ", item)
            self.assertIn(f"\nEnvironment: {setting.name}.", item)

    def test_text_is_no_command_to_roff(self) -> None:
        help_ = r"One. `.env` or 'x' \n a-b. It is so."
        option = Option(long="x", short="", help=help_, takes_value=False, setting=None)
        self.assertIn("\nOne.\n\\fB.env\\fP or 'x' \\en a\\-b.\nIt is so.\n", page([option]))
        option = Option(long="x", short="", help=".env", takes_value=False, setting=None)
        self.assertIn("\n\\&.env\n", page([option]))
