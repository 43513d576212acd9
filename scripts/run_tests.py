"""Run tests by trial, and close with their count on a line that machines read.

``python -m scripts.run_tests tests.http``, from the top of the repository, runs
the tests of that name; several names may be given. Trial's own command has more
options: ``python -m twisted.trial --help``.
"""

import sys

from twisted.trial.reporter import TestResult, TreeReporter
from twisted.trial.runner import TestLoader, TrialRunner


def count_line(result: TestResult) -> str:
    """Such as ``3 passed, 1 failed, 2 skipped``; the last part only if there are any."""
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    line = f"{result.successes} passed, {failed} failed"
    return f"{line}, {len(result.skips)} skipped" if result.skips else line


def main() -> int:
    """The exit status: 0 if there were tests and all went well."""
    suite = TestLoader().loadByNames(sys.argv[1:], recurse=True)
    result = TrialRunner(TreeReporter).run(suite)
    assert isinstance(result, TestResult)
    print(count_line(result))  # noqa: T201
    return 0 if result.wasSuccessful() and result.successes else 1


if __name__ == "__main__":
    sys.exit(main())
