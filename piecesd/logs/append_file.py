"""One open log file, to which whole lines are appended."""

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from errno import EAGAIN
from io import FileIO
from pathlib import Path
from typing import Protocol

_MODE = 0o640  # a log tells who asked for what


class RawFile(Protocol):
    """What is needed of an unbuffered file."""

    def write(self, data: bytes | memoryview, /) -> int | None: ...
    def truncate(self, size_bytes: int, /) -> int: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...


Opener = Callable[[Path], RawFile]


def open_raw(path: Path) -> RawFile:
    """Open for appending without ever waiting: for a pipe without a reader
    this fails, where a plain open() would block.

    :raises OSError: it can't be opened.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    return FileIO(os.open(path, flags, _MODE), "ab")


class AppendFile:
    """A log file that is open."""

    def __init__(self, path: Path, opener: Opener) -> None:
        """:raises OSError: it can't be opened."""
        self._path = path
        self._raw = opener(path)
        self.is_regular = stat.S_ISREG(self._stat().st_mode)

    @property
    def size_bytes(self) -> int:
        """Asked of the system each time: others may cut the file short
        (logrotate's copytruncate does)."""
        return self._stat().st_size

    @property
    def modified_seconds(self) -> float:
        """When it was last written to, in Unix time."""
        return self._stat().st_mtime

    def is_in_place(self) -> bool:
        """Whether its path still leads to it; not so once it was moved away."""
        try:
            return os.path.samestat(self._path.stat(), self._stat())
        except OSError:
            return False

    def write(self, lines: Sequence[bytes]) -> tuple[int, OSError | None]:
        """Append lines, and say how many of them went in whole and why no more.

        A piece of a line that went in is cut off again where the file is a
        regular one.
        """
        data = memoryview(b"".join(lines))
        written, error = self._write_some(data)
        if error is None:
            return len(lines), None
        whole, end = 0, 0
        while whole < len(lines) and end + len(lines[whole]) <= written:
            end += len(lines[whole])
            whole += 1
        if end < written and self.is_regular:
            with suppress(OSError):
                self._raw.truncate(self.size_bytes - (written - end))
        return whole, error

    def close(self) -> None:
        with suppress(OSError):  # a network's file system may report a lost write here
            self._raw.close()

    def _write_some(self, data: memoryview) -> tuple[int, OSError | None]:
        written = 0
        try:
            while written < len(data):
                count = self._raw.write(data[written:])
                if not count:  # a full pipe
                    return written, BlockingIOError(EAGAIN, os.strerror(EAGAIN))
                written += count
        except OSError as error:
            return written, error
        return written, None

    def _stat(self) -> os.stat_result:
        return os.fstat(self._raw.fileno())
