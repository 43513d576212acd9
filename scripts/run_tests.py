"""Run tests by trial, and close with their count on a line that machines read.

``python -m scripts.run_tests tests.http``, from the top of the repository, runs
the tests of that name; several names may be given. Where they are more than one
portion (`scripts.portions`), ``--jobs`` processes run them side by side, and what
each prints is shown at its end. Trial's own command has more options:
``python -m twisted.trial --help``.
"""

import os
import signal
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial.reporter import TreeReporter
from twisted.trial.runner import TestLoader, TrialRunner

from scripts.jobs import run_jobs
from scripts.outcome import Outcome
from scripts.portions import Portion, portions

MOST_JOBS = 5
"""However many cores there are: each job needs memory, too."""

INTERRUPTED = 130

# The traceback of a crash is worth a lot, and so is what was printed before it.
_JOB = (sys.executable, "-u", "-X", "faulthandler", "-m", "scripts.run_tests")


class TimingReporter(TreeReporter):
    """Knows how long each test took."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.seconds: dict[str, float] = {}

    def startTest(self, test: Any) -> None:  # noqa: N802
        super().startTest(test)
        self.seconds[test.id()] = -time.monotonic()

    def stopTest(self, test: Any) -> None:  # noqa: N802
        super().stopTest(test)
        self.seconds[test.id()] += time.monotonic()


def usual_jobs() -> int:
    """One more than there are cores, since tests mostly wait."""
    return min((os.cpu_count() or 1) + 1, MOST_JOBS)


def run_here(names: Sequence[str]) -> Outcome:
    """Run them in this process."""
    result = TrialRunner(TimingReporter).run(TestLoader().loadByNames(list(names), recurse=True))
    assert isinstance(result, TimingReporter)
    return Outcome.of(result, result.seconds)


def run_side_by_side(whole: Sequence[Portion], jobs: int) -> Iterator[Outcome]:
    """Run all portions in other processes, and print what those print."""
    with closing(run_jobs(_JOB, whole, jobs)) as ended:
        for finished in ended:
            print(f"\n{' '.join(finished.portion)}\n{finished.printed}", flush=True)  # noqa: T201
            yield finished.outcome


def main() -> int:
    """The exit status: 0 if there were tests and all went well."""
    parser = ArgumentParser(prog="python -m scripts.run_tests")
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=usual_jobs(), help="default: %(default)s")
    parser.add_argument("--outcome", type=Path, metavar="PATH", help="write it there, too")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # the former is ignored after an &
        signal.signal(number, signal.default_int_handler)
    whole = portions(options.names)
    try:
        if options.outcome or options.jobs == 1 or len(whole) == 1:
            outcome = run_here(options.names)
        else:
            outcome = Outcome.of_all(run_side_by_side(whole, options.jobs))
    except KeyboardInterrupt:
        return INTERRUPTED
    if options.outcome:
        options.outcome.write_text(outcome.to_json())
    else:
        print("\n".join(outcome.summary()))  # noqa: T201
    return 0 if outcome.went_well else 1


if __name__ == "__main__":
    sys.exit(main())
