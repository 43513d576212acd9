"""The count that a test run closes with."""

import subprocess
import sys
from io import StringIO
from pathlib import Path
from unittest import SkipTest

from twisted.trial.reporter import Reporter
from twisted.trial.unittest import SynchronousTestCase

from scripts.run_tests import count_line

REPO = Path(__file__).parent.parent.parent


def run_tests(name: str) -> subprocess.CompletedProcess[str]:
    """Of this repository, in a process of its own."""
    command = [sys.executable, "-m", "scripts.run_tests", name]
    return subprocess.run(command, cwd=REPO, capture_output=True, text=True)


class CountLineTests(SynchronousTestCase):
    def result_of(self, *bodies: type[BaseException] | None) -> Reporter:
        """A run of one test for each of ``bodies``: None, or what it raises."""
        result = Reporter(StringIO())
        for body in bodies:
            result.startTest(self)
            if body is None:
                result.addSuccess(self)
            elif body is SkipTest:
                result.addSkip(self, "because")
            elif body is AssertionError:
                result.addFailure(self, (body, body(), None))
            else:
                result.addError(self, (body, body(), None))
        return result

    def test_tests_that_pass_are_counted(self) -> None:
        self.assertEqual(count_line(self.result_of(None, None)), "2 passed, 0 failed")

    def test_failures_and_errors_have_failed(self) -> None:
        result = self.result_of(None, AssertionError, ValueError)
        self.assertEqual(count_line(result), "1 passed, 2 failed")

    def test_skipped_ones_are_named_where_there_are_any(self) -> None:
        result = self.result_of(None, SkipTest)
        self.assertEqual(count_line(result), "1 passed, 0 failed, 1 skipped")


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
