"""The log file: lines wait in memory and go out together, whole, in order.

Decisions that a reader may ask about:

- Any thread may append, and whoever fills the buffer or brings an error writes
  it out there and then. That is at most some ten KiB into the system's page
  cache, a matter of microseconds; handing it to a thread would cost more, and
  would lose the last lines of a process that dies.
- A thread may take the lock twice: a signal or a destructor can log while that
  very thread is in here.
- While the file can't be written, lines wait up to a bound, then the oldest
  are dropped and counted. Nothing is raised to whoever logs.
- Several processes may write one file. Each looks at the size, writes, cuts a
  torn line off and rotates while it holds their lock, so that none of it can be
  torn apart; one that finds the file rotated away opens the new one, as after
  logrotate.
"""

import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Literal

from twisted.logger import Logger

from piecesd.logs.append_file import AppendFile, Opener, open_raw
from piecesd.logs.lock import FileLock
from piecesd.logs.rotation import period_of, shift

_FLUSH_BYTES = 65_536
MAX_BUFFER_BYTES = 1_048_576


class LogFile:
    """A buffered file of lines that rotates itself.

    Until `start` it keeps lines and touches no file, and after `stop` it opens
    the file for each line: twistd logs before it has forked and after the last
    service has stopped.

    ``None`` for ``max_bytes`` or ``max_age_seconds`` means no such bound.
    ``log`` takes the news of the file itself. ``wall_seconds`` tells Unix time.
    ``lock`` is shared with other processes that write the same file.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int | None,
        max_age_seconds: float | None,
        keep: int,
        log: Logger,
        wall_seconds: Callable[[], float] = time.time,
        opener: Opener = open_raw,
        lock: FileLock | None = None,
    ) -> None:
        self._path = path
        self._among_processes = lock or FileLock()
        self._max_bytes = max_bytes
        self._max_age_seconds = max_age_seconds
        self._keep = keep
        self._log = log
        self._wall_seconds = wall_seconds
        self._opener = opener
        self._lock = RLock()
        self._stage: Literal["waiting", "running", "stopped"] = "waiting"
        self._lines: deque[bytes] = deque()
        self._pending_bytes = 0
        self._lost = 0
        self._file: AppendFile | None = None
        self._period: int | None = None
        self._writing = False
        self._failed = False
        self._rotation_failed = False

    def append(self, line: bytes, *, urgent: bool) -> None:
        """Take a whole line, or several that belong together; never raises.

        ``urgent`` ones are written at once, with all that stand before them.
        """
        with self._lock:
            if len(line) > MAX_BUFFER_BYTES:
                self._lost += 1
                return
            self._lines.append(line)
            self._pending_bytes += len(line)
            # Not while they are being written: see the second decision above.
            while self._pending_bytes > MAX_BUFFER_BYTES and not self._writing:
                self._drop(1)
                self._lost += 1
            full = urgent or self._pending_bytes >= _FLUSH_BYTES
            # A failing file is tried again by the clock, not by each line.
            if self._stage == "stopped" or (full and not self._failed):
                self.flush()

    def flush(self) -> None:
        """Write what waits, rotating where it is due; never raises."""
        with self._lock:
            if self._writing or self._stage == "waiting":
                return
            failure: OSError | None = None
            self._writing = True
            try:
                with self._among_processes:
                    self._write_pending()
            except OSError as error:
                failure = error
            finally:
                self._writing = False
                if self._stage == "stopped":
                    self._close()
            # Reports are lines too, and come back in through `append`.
            if failure is not None:
                self._report_failure(failure)
            elif self._failed or self._lost:
                self._report_recovery()

    def start(self) -> None:
        """Open the file, and write what has waited for that."""
        with self._lock:
            self._stage = "running"
            self.flush()

    def stop(self) -> None:
        """Write what waits and close the file; a later line opens it again."""
        with self._lock:
            self._stage = "stopped"
            self.flush()

    def reopen(self) -> None:
        """Let go of the file, which may have been moved away, and open the path
        anew; what waits goes there."""
        with self._lock:
            self._close()
            self.flush()

    def _write_pending(self) -> None:
        """:raises OSError: not all of it could be written."""
        if not self._lines and self._file is not None and not self._is_outlived():
            return
        may_rotate = self._open_file().is_regular
        if may_rotate and self._is_outlived():
            may_rotate = self._rotate()
        while self._lines:
            count = self._fitting(self._open_file()) if may_rotate else len(self._lines)
            if count:
                self._write(self._open_file(), count)
            else:
                may_rotate = self._rotate()

    def _write(self, file: AppendFile, count: int) -> None:
        """:raises OSError: not all of the first ``count`` lines went in."""
        whole, error = file.write(list(islice(self._lines, count)))
        if whole and self._period is None:
            self._period = self._current_period()
        self._drop(whole)
        if error is not None:
            raise error

    def _fitting(self, file: AppendFile) -> int:
        """How many of the lines go in before the file is full; an empty file
        takes at least one, however long."""
        if self._max_bytes is None:
            return len(self._lines)
        size_bytes = file.size_bytes
        room = self._max_bytes - size_bytes
        for count, line in enumerate(self._lines):
            room -= len(line)
            if room < 0:
                return count if count or size_bytes else 1
        return len(self._lines)

    def _open_file(self) -> AppendFile:
        """The file at the path, opened if it isn't or is no longer the one.

        :raises OSError: it can't be opened.
        """
        if self._file is not None and not self._file.is_in_place():
            self._close()
        if self._file is None:
            self._file = AppendFile(self._path, self._opener)
            self._period = None
            if self._max_age_seconds is not None and self._file.size_bytes:
                self._period = period_of(self._file.modified_seconds, self._max_age_seconds)
        return self._file

    def _current_period(self) -> int | None:
        if self._max_age_seconds is None:
            return None
        return period_of(self._wall_seconds(), self._max_age_seconds)

    def _is_outlived(self) -> bool:
        current = self._current_period()
        return self._period is not None and current is not None and current > self._period

    def _rotate(self) -> bool:
        """Whether it went well; if not, the file goes on being written.

        :raises OSError: the new file can't be opened.
        """
        try:
            shift(self._path, self._keep)
        except OSError as error:
            if not self._rotation_failed:
                self._rotation_failed = True
                self._log.error(
                    "Can't rotate the log file {path}: {reason}; it grows on.",
                    path=str(self._path),
                    reason=error.strerror,
                )
            return False
        self._rotation_failed = False
        self._close()
        self._open_file()
        return True

    def _drop(self, count: int) -> None:
        for _ in range(count):
            line = self._lines.popleft()
            self._pending_bytes -= len(line)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _report_failure(self, error: OSError) -> None:
        if not self._failed:
            self._failed = True
            self._log.error(
                "Can't write the log file {path}: {reason}; log lines may be lost.",
                path=str(self._path),
                reason=error.strerror,
            )

    def _report_recovery(self) -> None:
        lost, self._lost = self._lost, 0
        self._failed = False
        self._log.warn(
            "The log file {path} is being written again; {lost} lines were lost.",
            path=str(self._path),
            lost=lost,
        )
