"""The count that a test run closes with."""

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

REPO = Path(__file__).parent.parent.parent


def run_tests(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Of this repository, in a process of its own."""
    command = [sys.executable, "-m", "scripts.run_tests", *arguments]
    return subprocess.run(command, cwd=REPO, capture_output=True, text=True)


class RunTests(SynchronousTestCase):
    def test_a_run_that_went_well_ends_with_its_count_and_status_0(self) -> None:
        done = run_tests("tests.test_stats")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout.splitlines()[-1], r"^[1-9]\d* passed, 0 failed$")

    def test_a_name_that_cannot_be_imported_has_failed(self) -> None:
        done = run_tests("tests.there_is_no_such_module")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.splitlines()[-1], "0 passed, 1 failed")

    def test_a_run_without_any_test_has_failed(self) -> None:
        done = run_tests("scripts.build_vocab")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.splitlines()[-1], "0 passed, 0 failed")

    def test_several_names_run_side_by_side_and_are_counted_together(self) -> None:
        done = run_tests("tests.test_stats", "tests.there_is_no_such_module", "--jobs=2")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^tests\.test_stats$")
        self.assertRegex(done.stdout, r"(?m)^failed: tests\.there_is_no_such_module$")
        self.assertRegex(done.stdout.splitlines()[-1], r"^[1-9]\d* passed, 1 failed$")

    def test_one_job_runs_them_all_in_one_process(self) -> None:
        done = run_tests("tests.test_stats", "tests.test_version", "--jobs=1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("\nRan "), 1)
