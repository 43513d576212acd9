"""The terminal, pipe or journal that the daemon was started on."""

import sys
from typing import Protocol


class ByteSink(Protocol):
    """Takes bytes at once; a raw file, not a buffered one."""

    def write(self, data: bytes, /) -> int | None: ...


class Console:
    """Writes lines as they come, each by one call, from any thread.

    A console that is gone, or a pipe that nobody reads and that was made not to
    block, loses lines. Nothing is raised.
    """

    def __init__(self, sink: ByteSink | None) -> None:
        self._sink = sink

    @classmethod
    def of_process(cls) -> "Console":
        """The standard output the process has begun with, which stays the
        console when twisted.logger redirects ``sys.stdout`` to the log."""
        buffered = getattr(sys.__stdout__, "buffer", None)
        return cls(getattr(buffered, "raw", buffered))

    def write(self, line: bytes) -> None:
        if self._sink is None:
            return
        rest = line
        try:
            while rest:
                written = self._sink.write(rest)
                if not written:
                    return
                rest = rest[written:]
        except (OSError, ValueError):  # ValueError: it has been closed
            return
