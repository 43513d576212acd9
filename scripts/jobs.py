"""Processes that run portions of the tests side by side."""

import signal
import subprocess
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.outcome import Outcome
from scripts.portions import Portion

LONGEST_SECONDS = 600.0
"""A portion that takes longer hangs, and is ended."""

_END_SECONDS = 30.0
"""For the tests that run to clean up after themselves."""

_LOOK_SECONDS = 0.05

_OF_TESTS = (0, 1)
"""The statuses of a process that has run its tests to the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """``printed``: what the process has, tests and all that they started."""

    portion: Portion
    outcome: Outcome
    printed: str


class Job:
    """A process of ``command`` with the names of ``portion`` behind it, which writes
    its `Outcome` to the file that ``--outcome`` names.

    It is a session of its own, so that Ctrl-C reaches it only by `interrupt`.
    """

    def __init__(self, command: Sequence[str], portion: Portion) -> None:
        self._portion = portion
        self._directory = TemporaryDirectory(prefix="piecesd-tests-")
        self._outcome = Path(self._directory.name, "outcome")
        self._console = Path(self._directory.name, "console")
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(  # noqa: S603
                [*command, f"--outcome={self._outcome}", *portion],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._deadline = time.monotonic() + LONGEST_SECONDS

    def is_over(self) -> bool:
        """Whether it has ended; one that hangs does so now."""
        if time.monotonic() > self._deadline:
            self.interrupt()
            self.end()
        return self._process.poll() is not None

    def interrupt(self) -> None:
        """As by Ctrl-C: the test that runs cleans up, and no other follows."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """Wait for its end, but not for ever."""
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def finished(self) -> Finished:
        """What came of it, once it is over. That it has crashed, before the outcome or
        after, is a failure more."""
        status = self._process.wait()
        printed = self._console.read_text(errors="replace")
        outcomes = []
        if self._outcome.exists():
            outcomes.append(Outcome.from_json(self._outcome.read_text()))
        if status not in _OF_TESTS or not outcomes:
            crash = f"{' '.join(self._portion)} (ended with status {status})"
            outcomes.append(Outcome(failed=(crash,)))
        self._directory.cleanup()
        return Finished(portion=self._portion, outcome=Outcome.of_all(outcomes), printed=printed)


def run_jobs(
    command: Sequence[str], portions: Sequence[Portion], most: int
) -> Generator[Finished, None, None]:
    """Run all portions, at most so many at a time; each of them once it is over.

    Whatever ends this, such as Ctrl-C, ends them.
    """
    waiting = list(reversed(portions))
    running: list[Job] = []
    try:
        while waiting or running:
            while waiting and len(running) < most:
                running.append(Job(command, waiting.pop()))
            for job in [each for each in running if each.is_over()]:
                running.remove(job)
                yield job.finished()
            time.sleep(_LOOK_SECONDS)
    finally:
        for job in running:
            job.interrupt()
        for job in running:
            job.end()
            job.finished()
