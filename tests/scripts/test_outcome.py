"""The lines that a test run closes with."""

from io import StringIO
from unittest import SkipTest

from twisted.trial.reporter import Reporter
from twisted.trial.unittest import SynchronousTestCase

from scripts.outcome import Outcome


class OutcomeTests(SynchronousTestCase):
    def outcome_of(self, *bodies: type[BaseException] | None) -> Outcome:
        """Of a run of one test for each of ``bodies``: None, or what it raises."""
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
        return Outcome.of(result, {})

    def test_tests_that_pass_are_counted(self) -> None:
        outcome = self.outcome_of(None, None)
        self.assertEqual(list(outcome.summary()), ["2 passed, 0 failed"])
        self.assertTrue(outcome.went_well)

    def test_failures_and_errors_have_failed_and_are_named(self) -> None:
        outcome = self.outcome_of(None, AssertionError, ValueError)
        self.assertEqual(
            list(outcome.summary()), [f"failed: {self.id()}"] * 2 + ["1 passed, 2 failed"]
        )
        self.assertFalse(outcome.went_well)

    def test_skipped_ones_are_counted_where_there_are_any(self) -> None:
        outcome = self.outcome_of(None, SkipTest)
        self.assertEqual(list(outcome.summary()), ["1 passed, 0 failed, 1 skipped"])

    def test_a_run_without_a_test_that_passes_has_not_gone_well(self) -> None:
        self.assertFalse(self.outcome_of(SkipTest).went_well)

    def test_several_are_one(self) -> None:
        first = Outcome(passed=1, failed=("a.B.c",), seconds={"a.B.c": 1.0})
        second = Outcome(passed=2, skipped=1, seconds={"a.B.d": 2.0})
        self.assertEqual(
            Outcome.of_all([first, second]),
            Outcome(passed=3, failed=("a.B.c",), skipped=1, seconds={"a.B.c": 1.0, "a.B.d": 2.0}),
        )

    def test_it_is_read_back_as_it_was_written(self) -> None:
        outcome = Outcome(passed=1, failed=("a.B.c",), skipped=2, seconds={"a.B.c": 0.5})
        self.assertEqual(Outcome.from_json(outcome.to_json()), outcome)
        for broken in ("", outcome.to_json()[:-1]):
            self.assertRaises(ValueError, Outcome.from_json, broken)


class SlowestTests(SynchronousTestCase):
    def test_the_ten_slowest_tests_and_modules_are_told_slowest_first(self) -> None:
        seconds = {f"tests.m{number}.Tests.test_it": float(number) for number in range(12)}
        lines = list(
            Outcome(passed=12, seconds={**seconds, "tests.m1.More.test_it": 4.5}).summary()
        )
        self.assertEqual(lines[0], "slowest modules:")
        self.assertEqual(lines[1], "    11.0 s  tests.m11")
        self.assertEqual(lines[7], "     5.5 s  tests.m1")
        self.assertEqual(lines[11], "slowest tests:")
        self.assertEqual(lines[12], "    11.0 s  tests.m11.Tests.test_it")
        self.assertEqual(len(lines), 23)
