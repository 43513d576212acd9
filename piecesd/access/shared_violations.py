"""Counts the violations of clients over all workers of a daemon."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from twisted.logger import Logger

from piecesd.access.networks import IpNetwork, shown
from piecesd.access.violations import MAX_COUNTED, BanRules, MemoryCounts
from piecesd.shared.tables import SqliteTable

SPREAD_SECONDS = 2.0
"""How long a ban may take to reach the other workers, through its file."""


class SharedCounts:
    """Counts of all workers that use the same file; each for itself while that
    fails, which the log says once.

    A count that has led to a ban stays for `SPREAD_SECONDS`, and goes on: so a
    worker that has not heard of the ban bans, too, at the next violation.
    """

    _log: ClassVar = Logger()

    def __init__(self, rules: BanRules, seconds: Callable[[], float], path: Path) -> None:
        self._rules = rules
        self._seconds = seconds
        self._table = SqliteTable(path, seconds, max_rows=MAX_COUNTED)
        self._own = MemoryCounts(rules, seconds)
        self._failing = False
        self.close = self._table.close

    def add(self, client: IpNetwork) -> int:
        try:
            count = self._add(shown(client))
        except sqlite3.Error as error:
            self._note_failure(error)
            return self._own.add(client)
        if self._failing:
            self._failing = False
            self._log.info("Violations are counted over all workers again")
        return count

    def _add(self, key: str) -> int:
        with self._table.transaction():
            now = self._seconds()
            count = self._table.add(key, 1, now + self._rules.window_seconds)
            if count == self._rules.threshold:
                self._table.remove(key)
                self._table.add(key, count, now + SPREAD_SECONDS)
            return count

    def _note_failure(self, error: sqlite3.Error) -> None:
        if not self._failing:
            self._failing = True
            self._log.warn(
                "Violations are counted by each worker for itself: the shared file fails: {error}",
                error=str(error),
            )
