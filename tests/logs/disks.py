"""A disk that fills up, for tests."""

import os
from errno import ENOSPC
from pathlib import Path

from piecesd.logs.append_file import RawFile, open_raw


class FullDisk:
    """Opens real files, and lets ``free_bytes`` more go into all of them."""

    def __init__(self, free_bytes: int) -> None:
        self.free_bytes = free_bytes

    def open(self, path: Path) -> RawFile:
        return _File(self, open_raw(path))


class _File:
    def __init__(self, disk: FullDisk, raw: RawFile) -> None:
        self._disk = disk
        self._raw = raw
        self.truncate = raw.truncate
        self.fileno = raw.fileno
        self.close = raw.close

    def write(self, data: bytes | memoryview, /) -> int | None:
        """As write(2): less than all when space runs out, an error when it has."""
        if not self._disk.free_bytes:
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        written = self._raw.write(data[: self._disk.free_bytes])
        self._disk.free_bytes -= written or 0
        return written
