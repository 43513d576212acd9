import sqlite3
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.shared.file import SharedFile


class SharedFileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.file = self.opened()

    def opened(self) -> SharedFile:
        file = SharedFile(self.path, "CREATE TABLE IF NOT EXISTS notes (text TEXT UNIQUE)")
        self.addCleanup(file.close)
        return file

    def texts(self) -> list[str]:
        return [text for (text,) in self.opened().execute("SELECT text FROM notes")]

    def test_what_one_writes_the_others_read(self) -> None:
        with self.file.transaction():
            self.file.execute("INSERT INTO notes VALUES (?)", "a")
            self.assertEqual(self.texts(), [])
        self.assertEqual(self.texts(), ["a"])

    def test_a_transaction_that_fails_changes_nothing_and_is_over(self) -> None:
        self.file.execute("INSERT INTO notes VALUES (?)", "a")
        with self.assertRaises(sqlite3.IntegrityError), self.file.transaction():
            self.file.execute("INSERT INTO notes VALUES (?)", "b")
            self.file.execute("INSERT INTO notes VALUES (?)", "a")
        self.assertEqual(self.texts(), ["a"])
        with self.file.transaction():
            self.file.execute("INSERT INTO notes VALUES (?)", "b")
        self.assertEqual(self.texts(), ["a", "b"])

    def test_nothing_is_opened_before_it_is_used(self) -> None:
        """A connection must not go through the fork of a daemon."""
        self.assertFalse(self.path.exists())
