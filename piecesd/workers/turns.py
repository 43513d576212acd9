"""Who accepts the next connection: the worker that has the fewest.

Each worker writes how many it has into a file that all of them map; nobody
waits for anybody, and the numbers of those that are gone only cost the others a
moment (see `piecesd.http.direct_write.adopt`).
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
        self.set_connections(0)

    def set_connections(self, count: int) -> None:
        """Tell how many this worker has."""
        self._table[self._number] = count

    def is_mine(self) -> bool:
        """Whether no worker has fewer connections than this one."""
        return self._table[self._number] <= min(self._table)
