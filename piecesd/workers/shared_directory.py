"""Where workers keep what they share."""

import fcntl
import os
import shutil
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir


class SharedDirectory:
    """A private directory, there between `make` and `remove`.

    ``path`` is known before that. One that a killed supervisor has left behind
    is never used again, so it does no harm.
    """

    def __init__(self) -> None:
        self.path = Path(gettempdir(), f"piecesd-{token_hex(8)}")
        self._fd: int | None = None

    def make(self) -> None:
        """:raises OSError: it can't be made."""
        self.path.mkdir(mode=0o700)
        # While this is held, systemd-tmpfiles does not clean up in there.
        self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def remove(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
            shutil.rmtree(self.path, ignore_errors=True)
