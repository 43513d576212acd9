"""Who accepts the next connection: the worker that has the fewest.

Each worker writes how many it has into a file that all of them map; nobody
waits for anybody, and the numbers of those that are gone only cost the others a
moment (see `piecesd.http.ports`).
"""

import mmap
import os
from pathlib import Path

_ENTRY_BYTES = 4


class Turns:
    """The place of worker ``number`` in the table of ``count``.

    :raises OSError: the file can't be had.
    """

    def __init__(self, path: Path, number: int, count: int) -> None:
        size_bytes = count * _ENTRY_BYTES
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, size_bytes)
            self._table = memoryview(mmap.mmap(fd, size_bytes)).cast("I")
        finally:
            os.close(fd)
        self._number = number
        self._connections = 0
        self._left = False
        self._tell()

    def add_connections(self, change: int) -> None:
        """Note that so many came to this worker, at whichever of its ports, or
        went where it is negative."""
        self._connections += change
        self._tell()

    def is_mine(self) -> bool:
        """Whether no worker has fewer connections than this one."""
        self._tell()  # the one that had this place before may have told the last
        return self._connections <= min(self._table)

    def leave(self) -> None:
        """Tell no more: a successor has this place."""
        self._left = True

    def _tell(self) -> None:
        if not self._left:
            self._table[self._number] = self._connections
