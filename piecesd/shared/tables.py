"""Where counts are kept: in memory, or in a file that processes share.

A table forgets what has expired, and the oldest where there is too much of it,
so that strangers can't make it grow: each new row does away with two old ones,
if they are due.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Protocol

from piecesd.shared.file import SharedFile

MAX_ROWS = 100_000
"""About 20 MB in memory."""

_SWEPT_ROWS = 2

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS counts (id INTEGER PRIMARY KEY AUTOINCREMENT, "
    "key TEXT NOT NULL UNIQUE, count INTEGER NOT NULL, expires REAL NOT NULL)"
)


class Table(Protocol):
    """Counts by key, each until it expires."""

    def get(self, key: str) -> tuple[int, float]:
        """The count, and when it expires, in the clock's seconds; both are 0
        where there is none."""

    def add(self, key: str, amount: int, expires: float) -> int:
        """Add to a count; the new one. ``expires`` holds for a count that begins."""

    def remove(self, key: str) -> None:
        """Forget a count."""

    def clear(self) -> int:
        """Forget them all; how many there were."""

    def transaction(self) -> AbstractContextManager[None]:
        """Nobody else changes anything meanwhile."""


class MemoryTable:
    """Counts of this process."""

    def __init__(self, seconds: Callable[[], float], *, max_rows: int = MAX_ROWS) -> None:
        self._seconds = seconds
        self._max_rows = max_rows
        self._rows: dict[str, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: str) -> tuple[int, float]:
        row = self._rows.get(key)
        if row is None or row[1] <= self._seconds():
            return 0, 0.0
        return row

    def add(self, key: str, amount: int, expires: float) -> int:
        count, until = self.get(key)
        if not count:
            self._rows.pop(key, None)  # to stand last, as a new one
            self._sweep()
        self._rows[key] = (count + amount, until or expires)
        return count + amount

    def remove(self, key: str) -> None:
        self._rows.pop(key, None)

    def clear(self) -> int:
        count = len(self._rows)
        self._rows.clear()
        return count

    def transaction(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _sweep(self) -> None:
        now = self._seconds()
        for key in list(islice(self._rows, _SWEPT_ROWS)):
            if self._rows[key][1] <= now or len(self._rows) >= self._max_rows:
                del self._rows[key]


class SqliteTable:
    """Counts of all processes that use the same file.

    Every method raises sqlite3.Error where the file can't be used.
    """

    def __init__(
        self, path: Path, seconds: Callable[[], float], *, max_rows: int = MAX_ROWS
    ) -> None:
        self._file = SharedFile(path, _SCHEMA)
        self._seconds = seconds
        self._max_rows = max_rows
        self.transaction = self._file.transaction
        self.close = self._file.close

    def get(self, key: str) -> tuple[int, float]:
        row: tuple[int, float] | None = self._file.execute(
            "SELECT count, expires FROM counts WHERE key = ? AND expires > ?", key, self._seconds()
        ).fetchone()
        return row or (0, 0.0)

    def add(self, key: str, amount: int, expires: float) -> int:
        now = self._seconds()
        execute = self._file.execute
        row = execute(
            "UPDATE counts SET count = count + ? WHERE key = ? AND expires > ? RETURNING count",
            *(amount, key, now),
        ).fetchone()
        if row is not None:
            return int(row[0])
        # An expired one makes way, so that the new one is the youngest.
        execute("DELETE FROM counts WHERE key = ? AND expires <= ?", key, now)
        row = execute(
            "INSERT INTO counts (key, count, expires) VALUES (?, ?, ?) "
            # Another process has begun it since.
            "ON CONFLICT (key) DO UPDATE SET count = count + excluded.count RETURNING count, id",
            *(key, amount, expires),
        ).fetchone()
        execute(
            "DELETE FROM counts WHERE id IN (SELECT id FROM counts ORDER BY id LIMIT ?) "
            "AND (expires <= ? OR id <= ?)",
            *(_SWEPT_ROWS, now, row[1] - self._max_rows),
        )
        return int(row[0])

    def remove(self, key: str) -> None:
        self._file.execute("DELETE FROM counts WHERE key = ?", key)

    def clear(self) -> int:
        return self._file.execute("DELETE FROM counts").rowcount
