"""Our tables as a storage of the library `limits`.

Its own storage in memory starts a thread after nearly every hit, which looks
through all counts (docs/decisions/020).
"""

import sqlite3
from collections.abc import Callable
from math import floor

from limits.storage.base import SlidingWindowCounterSupport, Storage, TimestampedSlidingWindow

from piecesd.shared.tables import Table


class TableStorage(Storage, SlidingWindowCounterSupport, TimestampedSlidingWindow):
    """Counts in ``table``, by the clock that ``seconds`` reads.

    Windows of the sliding kind begin at multiples of their length since 1970.
    Every method raises limits.errors.StorageError where the table can't be used.
    """

    STORAGE_SCHEME = None

    def __init__(self, table: Table, seconds: Callable[[], float]) -> None:
        super().__init__(wrap_exceptions=True)
        self._table = table
        self._seconds = seconds

    @property
    def base_exceptions(self) -> type[Exception]:
        return sqlite3.Error

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        return self._table.add(key, amount, self._seconds() + expiry)

    def get(self, key: str) -> int:
        return self._table.get(key)[0]

    def get_expiry(self, key: str) -> float:
        return self._table.get(key)[1] or self._seconds()

    def clear(self, key: str) -> None:
        self._table.remove(key)

    def reset(self) -> int | None:
        return self._table.clear()

    def check(self) -> bool:
        self._table.get("")
        return True

    # The sliding window.

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        with self._table.transaction():
            previous, previous_seconds, current, _ = self._window(key, expiry)
            if floor(previous * previous_seconds / expiry) + current + amount > limit:
                return False
            now = self._seconds()
            _, current_key = self.sliding_window_keys(key, expiry, now)
            self._table.add(current_key, amount, now + 2 * expiry)
            return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        return self._window(key, expiry)

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        for window_key in self.sliding_window_keys(key, expiry, self._seconds()):
            self._table.remove(window_key)

    def _window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        now = self._seconds()
        previous_key, current_key = self.sliding_window_keys(key, expiry, now)
        left = expiry - now % expiry
        return (
            self._table.get(previous_key)[0],
            left,
            self._table.get(current_key)[0],
            left + expiry,
        )
