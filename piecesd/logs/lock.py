"""A lock among the processes that write one log."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from threading import RLock
from types import TracebackType


class FileLock:
    """Held by one thread of one process at a time, which may take it again.

    It is for steps that take microseconds. The system lets go of it when a
    process dies. Where its file can't be opened there is no lock: a log may
    then have a torn line, but goes on.

    :param path: of a file that all these processes name; it is made where it
        isn't there. None for a process that writes alone, and needs no lock.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._threads = RLock()
        self._depth = 0
        self._fd: int | None = None

    def __enter__(self) -> None:
        if self._path is None:
            return
        self._threads.acquire()
        self._depth += 1
        if self._depth == 1:
            with suppress(OSError):
                if self._fd is None:
                    self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._path is None:
            return
        self._depth -= 1
        if self._depth == 0 and self._fd is not None:
            with suppress(OSError):
                fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._threads.release()
