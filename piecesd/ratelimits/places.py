"""How many requests each client has under way."""

import os
import sqlite3
from collections import Counter
from pathlib import Path
from typing import ClassVar, Protocol

from twisted.logger import Logger

from piecesd.shared.file import SharedFile
from piecesd.shared.processes import is_alive

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS places (client TEXT NOT NULL, pid INTEGER NOT NULL, "
    "count INTEGER NOT NULL, PRIMARY KEY (client, pid)) WITHOUT ROWID"
)


class Places(Protocol):
    """Up to a number of places for each client. It always has an answer: what
    can't be counted where it should be is counted elsewhere."""

    async def take(self, client: str) -> bool:
        """Whether the client had one left; it is taken then."""

    def give_back(self, client: str) -> None:
        """One that was taken is free again."""


class MemoryPlaces:
    """Places of this process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: Counter[str] = Counter()

    async def take(self, client: str) -> bool:
        if self._taken[client] >= self._limit:
            return False
        self._taken[client] += 1
        return True

    def give_back(self, client: str) -> None:
        self._taken[client] -= 1
        if not self._taken[client]:
            del self._taken[client]


class SharedPlaces:
    """Places of all processes that use the same file.

    Each keeps its own count and writes it there for the others to read, so
    that a file that fails for a while is right again by itself. What a process
    had taken that has died is free.
    """

    _log: ClassVar = Logger()

    def __init__(self, limit: int, path: Path) -> None:
        self._limit = limit
        self._file = SharedFile(path, _SCHEMA)
        self._taken: Counter[str] = Counter()
        self._failing = False
        self.close = self._file.close

    async def take(self, client: str) -> bool:
        taken = self._taken[client]
        try:
            with self._file.transaction():
                free = taken + self._taken_by_others(client) < self._limit
                if free:
                    self._write(client, taken + 1)
        except sqlite3.Error as error:
            self._note_failure(error)
            free = taken < self._limit
        else:
            self._failing = False
        if free:
            self._taken[client] += 1
        return free

    def give_back(self, client: str) -> None:
        self._taken[client] -= 1
        left = self._taken[client]
        if not left:
            del self._taken[client]
        try:
            self._write(client, left)
        except sqlite3.Error as error:
            self._note_failure(error)

    def _taken_by_others(self, client: str) -> int:
        rows: list[tuple[int, int]] = self._file.execute(
            "SELECT pid, count FROM places WHERE client = ? AND pid <> ?", client, os.getpid()
        ).fetchall()
        if self._taken[client] + sum(count for _, count in rows) < self._limit:
            return sum(count for _, count in rows)
        dead = [pid for pid, _ in rows if not is_alive(pid)]
        for pid in dead:
            self._file.execute("DELETE FROM places WHERE pid = ?", pid)
        return sum(count for pid, count in rows if pid not in dead)

    def _write(self, client: str, count: int) -> None:
        if count:
            self._file.execute(
                "REPLACE INTO places (client, pid, count) VALUES (?, ?, ?)",
                *(client, os.getpid(), count),
            )
        else:
            self._file.execute(
                "DELETE FROM places WHERE client = ? AND pid = ?", client, os.getpid()
            )

    def _note_failure(self, error: sqlite3.Error) -> None:
        if not self._failing:
            self._failing = True
            self._log.warn(
                "Requests at one time are counted by each worker for itself: the shared file "
                "fails: {error}",
                error=str(error),
            )
