"""An SQLite file of responses, or a database in memory.

Each response stands in it with all that its model was given, so that none needs
another: the oldest can go, and any can be deleted, and the rest stays whole.
Several processes may use one file.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from piecesd.shared.file import write_ahead

SCHEMA_VERSION = 1

BUSY_SECONDS = 5.0
"""How long a transaction of another process is waited for."""

_MODE = 0o600

_SCHEMA = (
    """
    CREATE TABLE responses (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        holder TEXT NOT NULL,
        created REAL NOT NULL,
        bytes INTEGER NOT NULL,
        response BLOB NOT NULL,
        input BLOB NOT NULL
    )
    """,
    "CREATE INDEX responses_by_age ON responses (created)",
    "CREATE INDEX responses_by_bytes ON responses (number, bytes)",
    """
    CREATE TABLE items (
        id TEXT NOT NULL,
        response INTEGER NOT NULL REFERENCES responses ON DELETE CASCADE,
        PRIMARY KEY (id, response)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX items_by_response ON items (response)",
)

_FIND = (
    "SELECT id, created, response, input FROM responses WHERE id = ? AND holder = ? AND created > ?"
)
_FIND_BY_ITEM = (
    "SELECT id, created, response, input FROM responses "
    "WHERE number IN (SELECT response FROM items WHERE items.id = ?) "
    "AND holder = ? AND created > ? ORDER BY number DESC LIMIT 1"
)


class CantOpen(OSError):
    """The file is no store, or one of another version; the message says which."""


class NoRoom(Exception):
    """A response is larger than all responses together may be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredResponse:
    """A response and what its model was given, both JSON.

    ``holder`` is whose it is. ``item_ids`` are those of the items that began
    with it, by which it can be found; none of one that was found.
    """

    id: str
    holder: str
    created_unix: float
    response: bytes
    input_items: bytes
    item_ids: Sequence[str] = ()

    @property
    def bytes(self) -> int:
        return len(self.response) + len(self.input_items)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreLimits:
    """The most that is kept: so many responses, so many bytes of JSON in all, for
    so many seconds."""

    max_responses: int
    max_bytes: int
    max_age_seconds: float


class ResponseFile:
    """Its methods wait for the disk, and may be called on any thread, one at a
    time. But for `open` they raise sqlite3.Error where the file can't be used.

    :param path: None for a database in memory.
    :param seconds: the time in Unix seconds.
    """

    def __init__(
        self, path: Path | None, limits: StoreLimits, seconds: Callable[[], float]
    ) -> None:
        self._path = path
        self._limits = limits
        self._seconds = seconds
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Make the file where there is none.

        :raises CantOpen: it can't be used.
        """
        try:
            self._connection = self._connect()
            with self._transaction():
                self._make_tables()
        except (sqlite3.Error, OSError) as error:
            self.close()
            place = "in memory" if self._path is None else self._path
            raise CantOpen(f"the store of responses {place}: {error}") from None

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def save(self, record: StoredResponse) -> None:
        """Keep ``record``, once and for all: it is there also after a crash.

        :raises NoRoom: it is too large.
        """
        if record.bytes > self._limits.max_bytes:
            raise NoRoom(f"{record.bytes} bytes, and STORE_MAX_BYTES={self._limits.max_bytes}")
        with self._transaction():
            self._make_room(record.bytes)
            number = self._execute(
                "INSERT INTO responses (id, holder, created, bytes, response, input) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                *(record.id, record.holder, record.created_unix, record.bytes),
                *(record.response, record.input_items),
            ).lastrowid
            self._connected.executemany(
                "INSERT OR IGNORE INTO items (id, response) VALUES (?, ?)",
                [(item_id, number) for item_id in record.item_ids],
            )

    def find(self, response_id: str, holder: str) -> StoredResponse | None:
        """The response of that id; None where there is none, or not of ``holder``."""
        return self._found(_FIND, response_id, holder)

    def find_by_item(self, item_id: str, holder: str) -> StoredResponse | None:
        """The newest response in which the item of that id began."""
        return self._found(_FIND_BY_ITEM, item_id, holder)

    def delete(self, response_id: str, holder: str) -> bool:
        """Whether there was such a response; there is no more."""
        with self._transaction():
            deleted = self._execute(
                "DELETE FROM responses WHERE id = ? AND holder = ? AND created > ?",
                *(response_id, holder, self._oldest),
            ).rowcount
        return bool(deleted)

    def sweep(self) -> None:
        """Do away with what is too old."""
        with self._transaction():
            self._execute("DELETE FROM responses WHERE created <= ?", self._oldest)

    @property
    def _oldest(self) -> float:
        return self._seconds() - self._limits.max_age_seconds

    def _found(self, statement: str, value: str, holder: str) -> StoredResponse | None:
        row = self._execute(statement, value, holder, self._oldest).fetchone()
        if row is None:
            return None
        found_id, created, response, input_items = row
        return StoredResponse(
            id=found_id,
            holder=holder,
            created_unix=created,
            response=response,
            input_items=input_items,
        )

    def _make_room(self, size: int) -> None:
        """Do away with what is too old, and with the oldest where there is too
        much for ``size`` bytes more."""
        self._execute("DELETE FROM responses WHERE created <= ?", self._oldest)
        count, total = self._execute("SELECT count(*), total(bytes) FROM responses").fetchone()
        rows = self._execute("SELECT number, bytes FROM responses ORDER BY number")
        last = None
        while count >= self._limits.max_responses or total + size > self._limits.max_bytes:
            last, freed = rows.fetchone()
            count -= 1
            total -= freed
        rows.close()
        if last is not None:
            self._execute("DELETE FROM responses WHERE number <= ?", last)

    # The database.

    @property
    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the store is closed")
        return self._connection

    def _execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        return self._connected.execute(statement, values)

    def _connect(self) -> sqlite3.Connection:
        if self._path is not None:
            # SQLite gives its other files the same mode.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE))
        connection = sqlite3.connect(
            ":memory:" if self._path is None else self._path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            # A commit survives the end of the process at once, and that of the
            # system after the next checkpoint; neither can tear it.
            write_ahead(connection, BUSY_SECONDS)
            for pragma in ("synchronous = NORMAL", "foreign_keys = ON", "secure_delete = ON"):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _make_tables(self) -> None:
        (version,) = self._execute("PRAGMA user_version").fetchone()
        if version == SCHEMA_VERSION:
            return
        tables: list[Any] = self._execute("SELECT name FROM sqlite_master").fetchall()
        if version or tables:
            raise CantOpen(f"it is of version {version}, which this piecesd can't read")
        for statement in _SCHEMA:
            self._execute(statement)
        self._execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """What fails changes nothing."""
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.rollback()
            raise
