"""The pages of docs/deploy/ lead somewhere, and say what is so."""

from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import SETTINGS
from tests.integration.daemon import ROOT
from tests.pages import Page
from tests.test_docs import broken_part

FOLDER = ROOT / "docs/deploy"


class PageTests(SynchronousTestCase):
    def test_links_lead_somewhere(self) -> None:
        for path in FOLDER.glob("*.md"):
            for link in Page(path).links:
                if not link.startswith("https://"):
                    self.assertEqual(broken_part(path, link), "", f"{path.name}: {link}")

    def test_the_index_has_every_page(self) -> None:
        index = set(Page(FOLDER / "README.md").links)
        self.assertLessEqual({path.name for path in FOLDER.glob("*.md")} - {"README.md"}, index)


class UpgradingTests(SynchronousTestCase):
    def test_the_settings_that_are_the_same_have_the_real_defaults(self) -> None:
        real = {setting.name: setting.default for setting in SETTINGS}
        rows = [row for row in Page(FOLDER / "upgrading.md").rows if len(row) == 2]
        told = {row[0].strip("`"): row[1] for row in rows if row[0].startswith("`")}
        self.assertGreater(len(told), 10)
        for name, default in told.items():
            shown = default.strip("`") if default.startswith("`") else ""
            self.assertEqual(shown, real[name], name)
