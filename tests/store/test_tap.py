from pathlib import Path
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import Config
from piecesd.store.tap import build


class BuildTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def files(self, config: Config, shared_directory: Path | None) -> set[str]:
        """The files that are there once the store has started."""
        store = build(config, cast(Any, Clock()), shared_directory=shared_directory)
        assert store is not None
        store.startService()
        try:
            return {path.name for path in self.folder.iterdir() if path.suffix == ".sqlite"}
        finally:
            store.stopService()

    def test_one_process_keeps_them_in_memory(self) -> None:
        self.assertEqual(self.files(Config(), None), set())

    def test_workers_share_a_file_that_ends_with_the_daemon(self) -> None:
        self.assertEqual(self.files(Config(), self.folder), {"responses.sqlite"})

    def test_a_file_that_is_named_is_used_by_all(self) -> None:
        config = Config(store=self.folder / "mine.sqlite")
        for shared_directory in (None, self.folder):
            self.assertEqual(self.files(config, shared_directory), {"mine.sqlite"})

    def test_there_may_be_none(self) -> None:
        config = Config(store="off")
        self.assertIsNone(build(config, cast(Any, Clock()), shared_directory=self.folder))
