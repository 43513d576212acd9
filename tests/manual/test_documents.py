"""What stands below share/."""

from twisted.trial.unittest import SynchronousTestCase

from piecesd.manual.documents import DOCUMENTS
from tests.manual.terminal import REPO


class DocumentsTests(SynchronousTestCase):
    def test_those_in_the_repo_are_fresh(self) -> None:
        """If not: `make docs`."""
        for path, write in DOCUMENTS.items():
            self.assertEqual((REPO / path).read_text(encoding="utf-8"), write(), path)

    def test_nothing_else_stands_there(self) -> None:
        files = {path for path in (REPO / "share").rglob("*") if path.is_file()}
        self.assertEqual({str(path.relative_to(REPO)) for path in files}, set(DOCUMENTS))
