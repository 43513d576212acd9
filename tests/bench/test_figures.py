"""Figures, their targets and their statistics."""

import math

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bench.figures import FIGURES, SCENARIOS, Aim, percentile, summarise
from bench.scenarios import MEASURED_BY

values_lists = st.lists(st.integers(-1000, 1000), min_size=1, max_size=300)


class PercentileTests(SynchronousTestCase):
    @given(values_lists, st.integers(1, 100))
    def test_it_is_the_least_value_that_enough_values_do_not_exceed(
        self, values: list[int], percent: int
    ) -> None:
        needed = math.ceil(len(values) * percent / 100)
        found = percentile(values, percent)
        self.assertIn(found, values)
        self.assertGreaterEqual(sum(value <= found for value in values), needed)
        self.assertLess(sum(value < found for value in values), needed)

    def test_of_a_hundred_values_p99_is_the_last_but_one(self) -> None:
        self.assertEqual(percentile(range(1, 101), 99), 99)


class TargetTests(SynchronousTestCase):
    def test_only_under_excludes_its_bound(self) -> None:
        met = [Aim(bound, 10).met_by(10) for bound in ("at most", "at least", "under")]
        self.assertEqual(met, [True, True, False])

    def test_values_on_the_wrong_side_miss(self) -> None:
        self.assertFalse(Aim("at most", 10).met_by(10.1))
        self.assertFalse(Aim("at least", 10).met_by(9.9))
        self.assertTrue(Aim("under", 10).met_by(9.9))


class SummaryTests(SynchronousTestCase):
    def test_a_figure_is_the_median_of_the_runs_that_measured_it(self) -> None:
        key = "burst.cpu_us_per_chunk"
        (summary,) = summarise([{key: 24.0}, {key: 90.0}, {}, {key: 20.0}])
        self.assertEqual(
            (summary.median, summary.runs, summary.met), (24.0, (24.0, 90.0, 20.0), True)
        )

    def test_a_figure_without_a_target_neither_meets_nor_misses(self) -> None:
        (summary,) = summarise([{"held.rss_mb": 100.0}])
        self.assertIsNone(summary.met)

    def test_every_scenario_has_a_figure_and_every_figure_a_scenario(self) -> None:
        self.assertEqual(set(SCENARIOS), {"start", *MEASURED_BY})
        self.assertEqual(len({figure.key for figure in FIGURES}), len(FIGURES))
