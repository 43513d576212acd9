"""An interactive shell at a terminal, for tests that press Tab."""

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

PATIENCE_SECONDS = 20.0

REPO = Path(__file__).parent.parent.parent


class Shell:
    """In it, ``piecesd`` is a function that shows its arguments as ``<argument>``.

    :param prepare: the lines that load the completion.
    """

    def __init__(self, test: SynchronousTestCase, command: Sequence[str], prepare: str) -> None:
        directory = Path(test.mktemp()).absolute()
        directory.mkdir()
        (directory / "a-file.json").touch()
        self._terminal, end = pty.openpty()
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env={"PATH": os.environ["PATH"], "HOME": str(directory), "TERM": "dumb", "PS1": "$ "},
            stdin=end,
            stdout=end,
            stderr=end,
            start_new_session=True,
        )
        os.close(end)
        test.addCleanup(os.close, self._terminal)
        test.addCleanup(self._process.wait)
        test.addCleanup(self._process.kill)
        self._seen = ""
        self._type(f"{prepare}\npiecesd() {{ printf '<%s>\\n' \"$@\"; }}; echo rea''dy\n")
        self._wait_for("ready")

    def arguments_after(self, line: str) -> str:
        """What the program is given after ``line`` has been typed, in which a
        tab is the Tab key, such as ``<--debug>``."""
        self._type(f"piecesd {line}\n")
        return self._wait_for(r"<(--[^>%]*)>")

    def _type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _wait_for(self, pattern: str) -> str:
        """The first line with ``pattern``; what has come until then is gone.

        :raises AssertionError: there is none.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := re.search(pattern, self._seen)):
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self._terminal], [], [], left)[0], self._seen
            self._seen += os.read(self._terminal, 65536).decode(errors="replace")
        self._seen = self._seen[found.end() :]
        return found[0]
