import sqlite3
from pathlib import Path

from piecesd.shared.tables import MemoryTable, SqliteTable
from tests.shared import contract


class MemoryTableTests(contract.TableContract):
    def make(self, **options: int) -> MemoryTable:
        self.table = MemoryTable(self.clock.seconds, **options)
        return self.table

    def count(self) -> int:
        return len(self.table)


class SqliteTableTests(contract.TableContract):
    def setUp(self) -> None:
        super().setUp()
        self.path = Path(self.mktemp())

    def make(self, **options: int) -> SqliteTable:
        table = SqliteTable(self.path, self.clock.seconds, **options)
        self.addCleanup(table.close)
        return table

    def count(self) -> int:
        database = sqlite3.connect(self.path)
        self.addCleanup(database.close)
        count: int = database.execute("SELECT count(*) FROM counts").fetchone()[0]
        return count

    def test_processes_count_together(self) -> None:
        one, other = self.make(), self.make()
        one.add("a", 1, self.expires_in(60))
        self.assertEqual(other.add("a", 1, self.expires_in(60)), 2)
        self.assertEqual(one.get("a")[0], 2)

    def test_another_process_is_waited_for_only_shortly(self) -> None:
        one, other = self.make(), self.make()
        other.get("a")
        with one.transaction(), self.assertRaisesRegex(sqlite3.OperationalError, "locked"):
            other.add("a", 1, self.expires_in(60))
        self.assertEqual(other.add("a", 1, self.expires_in(60)), 1)

    def test_a_file_that_can_not_be_used_is_tried_again(self) -> None:
        self.path = Path(self.mktemp(), "missing", "rates")
        table = self.make()
        with self.assertRaises(sqlite3.Error):
            table.get("a")
        self.path.parent.mkdir(parents=True)
        self.assertEqual(table.get("a")[0], 0)
