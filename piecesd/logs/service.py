"""The observer of all log events, and the service that keeps its file going."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel
from zope.interface import implementer

from piecesd.logs.append_file import Opener, open_raw
from piecesd.logs.console import Console
from piecesd.logs.file import LogFile
from piecesd.logs.formatting import FORMATS, FormatName
from piecesd.logs.lock import FileLock
from piecesd.logs.redaction import Redaction

FLUSH_INTERVAL_SECONDS = 0.5


@implementer(ILogObserver)
class LogService(Service):
    """Writes each event as a line to the console and to the log file.

    It is the observer itself: call it with an event, on any thread. Events of
    the level debug are left out unless ``debug``; ``secrets`` are hidden
    wherever they stand. ``path`` None means no file. ``clock`` drives the
    flushing and the rotation; see `LogFile` for the bounds of the file.
    ``lock`` is shared with other processes that write the same log.
    """

    name = "logs"
    _log = Logger()

    def __init__(
        self,
        *,
        clock: IReactorTime,
        console: Console,
        path: Path | None,
        format: FormatName,
        max_bytes: int | None,
        max_age_seconds: float | None,
        keep: int,
        debug: bool,
        secrets: Iterable[str],
        wall_seconds: Callable[[], float] = time.time,
        opener: Opener = open_raw,
        lock: FileLock | None = None,
    ) -> None:
        self._console = console
        self._among_processes = lock or FileLock()
        self._format_line = FORMATS[format]
        self._redact = Redaction(secrets)
        self._minimum_level = LogLevel.debug if debug else LogLevel.info
        self._file: LogFile | None = None
        if path is not None:
            self._file = LogFile(
                path,
                max_bytes=max_bytes,
                max_age_seconds=max_age_seconds,
                keep=keep,
                log=Logger(namespace="piecesd.logs", observer=self),
                wall_seconds=wall_seconds,
                opener=opener,
                lock=self._among_processes,
            )
        self._loop = LoopingCall(self._tick)
        self._loop.clock = clock

    def __call__(self, event: LogEvent) -> None:
        level = event.get("log_level") or LogLevel.info
        if level < self._minimum_level:
            return
        line = self._format_line(event, self._redact).encode("utf-8")
        with self._among_processes:  # a pipe takes a long line in pieces
            self._console.write(line)
        if self._file is not None:
            self._file.append(line, urgent=level >= LogLevel.error)

    @property
    def has_file(self) -> bool:
        """Whether there is a log file, and so something to reopen."""
        return self._file is not None

    def startService(self) -> None:
        super().startService()
        if self._file is not None:
            self._file.start()
            self._loop.start(FLUSH_INTERVAL_SECONDS, now=False)

    def stopService(self) -> None:
        """Other services may still be stopping, and twistd has a last word:
        from here on each line is written as it comes."""
        super().stopService()
        if self._file is not None:
            self._loop.stop()
            self._file.stop()

    def reopen(self) -> None:
        """Open the log file anew, after something has moved it away."""
        if self._file is not None:
            self._file.reopen()

    def _tick(self) -> None:
        assert self._file is not None
        try:
            self._file.flush()
        except Exception:  # the loop would end for good
            self._log.failure("Flushing the log file failed.")
