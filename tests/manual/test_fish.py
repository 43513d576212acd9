"""The completion in a real fish, which says what it would offer."""

import subprocess
from pathlib import Path
from shutil import which
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from piecesd.manual.fish import fish_completion
from piecesd.manual.option import Option
from tests.manual.terminal import REPO

FILE = REPO / "share/fish/vendor_completions.d/piecesd.fish"


@skipIf(which("fish") is None, "no fish here")
class FishTests(SynchronousTestCase):
    def offered_for(self, line: str) -> list[str]:
        """The words that are offered for the last one of ``line``."""
        home = Path(self.mktemp()).absolute()
        home.mkdir()
        (home / "a-file.json").touch()
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source {FILE}; complete -C '{line}'"],
            cwd=home,
            env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(home)},
            capture_output=True,
            text=True,
            check=True,
        )
        return [offer.partition("\t")[0] for offer in done.stdout.splitlines()]

    def test_options_are_offered(self) -> None:
        self.assertEqual(
            sorted(self.offered_for("piecesd --log-")),
            ["--log-file", "--log-format", "--log-keep", "--log-max-age", "--log-max-bytes"],
        )

    def test_the_values_allowed_are_offered(self) -> None:
        self.assertEqual(
            self.offered_for("piecesd --log-format="), ["--log-format=json", "--log-format=text"]
        )

    def test_files_are_offered_where_one_is_wanted(self) -> None:
        self.assertEqual(self.offered_for("piecesd --models-file="), ["--models-file=a-file.json"])
        self.assertEqual(self.offered_for("piecesd a"), [])


class TextTests(SynchronousTestCase):
    def test_quotes_and_backslashes_of_a_help_are_escaped(self) -> None:
        option = Option(long="x", short="", help=r"It's \d.", takes_value=False, setting=None)
        self.assertIn(r"-d 'It\'s \\d.'", fish_completion("program", [option]))
