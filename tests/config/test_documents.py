"""The documents made from the table of settings."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import Config, load
from piecesd.config.documents import DOCUMENTS, env_example

REPO = Path(__file__).parent.parent.parent


class DocumentsTests(SynchronousTestCase):
    def test_those_in_the_repo_are_fresh(self) -> None:
        """If not: `python -m piecesd.config`."""
        for path, write in DOCUMENTS.items():
            self.assertEqual((REPO / path).read_text(encoding="utf-8"), write(), path)

    def test_the_example_as_it_stands_changes_nothing(self) -> None:
        path = Path(self.mktemp())
        path.write_text(env_example(), encoding="utf-8")
        self.assertEqual(load({}, path, {}), Config())

    def test_the_example_shows_the_defaults(self) -> None:
        path = Path(self.mktemp())
        text = "\n".join(
            line.removeprefix("#")
            for line in env_example().splitlines()
            if line.startswith("#") and not line.startswith(("# ", "##"))
        )
        path.write_text(text, encoding="utf-8")
        self.assertIn("PORT=8787", text)
        self.assertEqual(load({}, path, {}), Config())
