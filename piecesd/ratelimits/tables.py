"""Where counts are kept: in memory, or in a file that processes share.

A table forgets what has expired, and the oldest where there is too much of it,
so that strangers can't make it grow: each new row does away with two old ones,
if they are due.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Protocol

MAX_ROWS = 100_000
"""About 20 MB in memory."""

_BUSY_SECONDS = 0.05
"""How long the reactor waits for another process's transaction at most; one
takes some ten microseconds."""

_WAL_PAGES = 100
"""With SQLite's 1,000 every hundredth request waited 4 ms for a checkpoint."""

_SWEPT_ROWS = 2


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

    Nothing in it has to outlive them, so nothing waits for the disk. The file
    is opened at first use: a connection must not go through a fork.
    Every method raises sqlite3.Error where the file can't be used.
    """

    def __init__(
        self, path: Path, seconds: Callable[[], float], *, max_rows: int = MAX_ROWS
    ) -> None:
        self._path = path
        self._seconds = seconds
        self._max_rows = max_rows
        self._opened: sqlite3.Connection | None = None

    def get(self, key: str) -> tuple[int, float]:
        row: tuple[int, float] | None = self._execute(
            "SELECT count, expires FROM counts WHERE key = ? AND expires > ?",
            (key, self._seconds()),
        ).fetchone()
        return row or (0, 0.0)

    def add(self, key: str, amount: int, expires: float) -> int:
        now = self._seconds()
        row = self._execute(
            "UPDATE counts SET count = count + ? WHERE key = ? AND expires > ? RETURNING count",
            (amount, key, now),
        ).fetchone()
        if row is not None:
            return int(row[0])
        # An expired one makes way, so that the new one is the youngest.
        self._execute("DELETE FROM counts WHERE key = ? AND expires <= ?", (key, now))
        row = self._execute(
            "INSERT INTO counts (key, count, expires) VALUES (?, ?, ?) "
            # Another process has begun it since.
            "ON CONFLICT (key) DO UPDATE SET count = count + excluded.count RETURNING count, id",
            (key, amount, expires),
        ).fetchone()
        self._execute(
            "DELETE FROM counts WHERE id IN (SELECT id FROM counts ORDER BY id LIMIT ?) "
            "AND (expires <= ? OR id <= ?)",
            (_SWEPT_ROWS, now, row[1] - self._max_rows),
        )
        return int(row[0])

    def remove(self, key: str) -> None:
        self._execute("DELETE FROM counts WHERE key = ?", (key,))

    def clear(self) -> int:
        return self._execute("DELETE FROM counts", ()).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._execute("BEGIN IMMEDIATE", ())
        try:
            yield
        finally:
            self._execute("COMMIT", ())

    def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def _execute(self, statement: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        if self._opened is None:
            self._opened = self._open()
        return self._opened.execute(statement, values)

    def _open(self) -> sqlite3.Connection:
        opened = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            opened.execute("PRAGMA journal_mode = WAL")
            opened.execute("PRAGMA synchronous = OFF")
            opened.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
            opened.execute(
                "CREATE TABLE IF NOT EXISTS counts (id INTEGER PRIMARY KEY AUTOINCREMENT, "
                "key TEXT NOT NULL UNIQUE, count INTEGER NOT NULL, expires REAL NOT NULL)"
            )
        except sqlite3.Error:
            opened.close()
            raise
        return opened
