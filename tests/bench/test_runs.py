"""Whole runs against the daemon of this working tree."""

import os
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from bench.children import DidNotStart, started_daemon, started_upstream
from bench.runs import Plan, run_with_daemon
from tests.bench.test_scenarios import TINY


class RunTests(SynchronousTestCase):
    def setUp(self) -> None:
        upstream = started_upstream()
        pid, port = upstream.__enter__()
        self.addCleanup(upstream.__exit__, None, None, None)
        self.plan = Plan(
            only=("start", "unary"),
            sizes=TINY,
            model="gpt-4o",
            pin=True,
            upstream_pid=pid,
            upstream_port=port,
        )
        self.steps: list[str] = []

    def test_a_run_goes_through_what_was_asked_and_leaves_the_cores_as_they_were(self) -> None:
        cores = os.sched_getaffinity(0)
        run = run_with_daemon(1, self.plan, self.steps.append)
        self.assertEqual(run.failures, [])
        self.assertEqual(
            sorted(run.figures),
            ["start.first_answer_s", "unary.cpu_ms_per_request", "unary.requests_per_s"],
        )
        self.assertEqual(self.steps, ["run 1: start", "run 1: unary"])
        self.assertEqual(os.sched_getaffinity(0), cores)

    def test_a_scenario_that_fails_is_told_and_measures_nothing(self) -> None:
        plan = replace(self.plan, only=("unary",), model="no-such-model")
        run = run_with_daemon(2, plan, self.steps.append)
        self.assertEqual(run.figures, {})
        (failure,) = run.failures
        self.assertEqual((failure.run, failure.scenario), (2, "unary"))
        self.assertIn("status 404", failure.problem)

    def test_a_daemon_that_ends_at_once_is_told_with_its_log(self) -> None:
        with (
            started_daemon(upstream_port=0, cores=os.sched_getaffinity(0)) as daemon,
            self.assertRaises(DidNotStart) as caught,
        ):
            daemon.wait_until_listening()
        self.assertIn("GPT_GRPC_ADDR", str(caught.exception))
