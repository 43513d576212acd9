"""Processes that run portions of the tests, and how they end."""

import sys
from collections.abc import Generator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from scripts import jobs
from scripts.jobs import Finished, run_jobs
from scripts.outcome import Outcome

# What stands for the program that runs tests: the name of a test is code.
COMMAND = (
    sys.executable,
    "-c",
    f"""
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from scripts.outcome import Outcome

signal.signal(signal.SIGINT, signal.default_int_handler)

def write(outcome):
    Path(sys.argv[1].removeprefix("--outcome=")).write_text(outcome.to_json())

exec(sys.argv[2])
""",
)
WELL = "print('said'); write(Outcome(passed=1))"
ONE = Outcome(passed=1)


class JobTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()

    def run_jobs(self, *codes: str, most: int = 2) -> Generator[Finished, None, None]:
        return run_jobs(COMMAND, [(code,) for code in codes], most)

    def test_each_tells_its_outcome_and_what_it_printed(self) -> None:
        (finished,) = self.run_jobs(WELL)
        self.assertEqual(finished, Finished(portion=(WELL,), outcome=ONE, printed="said\n"))

    def test_one_that_is_killed_has_failed_and_others_go_on(self) -> None:
        crash = "print('last', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
        found = {each.portion[0]: each for each in self.run_jobs(crash, WELL, most=1)}
        self.assertEqual(found[WELL].outcome, ONE)
        self.assertEqual(found[crash].printed, "last\n")
        (failure,) = found[crash].outcome.failed
        self.assertIn("ended with status -9", failure)

    def test_one_that_crashes_after_its_tests_has_failed(self) -> None:
        (finished,) = self.run_jobs(f"{WELL}; sys.stdout.flush(); os.kill(os.getpid(), 11)")
        self.assertEqual(len(finished.outcome.failed), 1)
        self.assertEqual(finished.outcome.passed, 1)

    def test_one_that_hangs_is_ended_and_has_failed(self) -> None:
        self.patch(jobs, "LONGEST_SECONDS", 0.0)
        (finished,) = self.run_jobs("time.sleep(600)")
        self.assertEqual(len(finished.outcome.failed), 1)

    def test_no_more_run_at_a_time_than_are_allowed(self) -> None:
        """Each says how many there are, itself among them."""
        code = f"""
own = Path({str(self.directory)!r}, str(os.getpid()))
own.touch()
time.sleep(0.2)
print(len(os.listdir(own.parent)))
own.unlink()
{WELL}
"""
        counts = [int(each.printed.split()[0]) for each in self.run_jobs(*[code] * 6)]
        self.assertEqual(len(counts), 6)
        self.assertLessEqual(max(counts), 2)

    def test_they_start_in_the_order_given(self) -> None:
        codes = [f"{WELL}; {number}" for number in range(3)]
        found = [finished.portion[0] for finished in self.run_jobs(*codes, most=1)]
        self.assertEqual(found, codes)

    def test_whoever_stops_reading_ends_those_that_run_by_ctrl_c(self) -> None:
        """And they may clean up."""
        paths = [self.directory / name for name in ("began", "cleaned")]
        code = f"""
began, cleaned = {[str(path) for path in paths]!r}
open(began, "w").close()
try:
    time.sleep(600)
finally:
    open(cleaned, "w").close()
"""
        running = self.run_jobs(
            code, f"while not os.path.exists({str(paths[0])!r}): time.sleep(0.01)\n{WELL}"
        )
        self.assertEqual(next(running).outcome, ONE)
        running.close()
        self.assertTrue(paths[1].exists())
