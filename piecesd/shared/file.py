"""An SQLite file that the processes of one machine share while they run."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

_BUSY_SECONDS = 0.05
"""How long the reactor waits for another process's transaction at most; one
takes some ten microseconds."""

_RETRY_SECONDS = 0.01


def write_ahead(connection: sqlite3.Connection, patience_seconds: float) -> None:
    """Have the file of ``connection`` written by a log, as several processes need.

    SQLite does not wait by itself where another process does the same just now.

    :raises sqlite3.OperationalError: others hold it for longer than
        ``patience_seconds``.
    """
    deadline = monotonic() + patience_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(_RETRY_SECONDS)
        else:
            return


class SharedFile:
    """Nothing in it has to outlive them, so nothing waits for the disk. It is
    opened at first use: a connection must not go through a fork.

    Every method raises sqlite3.Error where the file can't be used.

    :param schema: a statement that makes the table where there is none.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._schema = schema
        self._opened: sqlite3.Connection | None = None

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        if self._opened is None:
            self._opened = self._open()
        return self._opened.execute(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Nobody else changes anything meanwhile; what fails changes nothing."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if self._opened is not None:
                self._opened.rollback()
            raise

    def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def _open(self) -> sqlite3.Connection:
        opened = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            write_ahead(opened, _BUSY_SECONDS)
            opened.execute("PRAGMA synchronous = OFF")
            opened.execute(self._schema)
        except sqlite3.Error:
            opened.close()
            raise
        return opened
