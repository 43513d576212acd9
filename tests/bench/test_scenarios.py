"""The scenarios against a real gateway process: small, but all the way."""

from twisted.trial.unittest import SynchronousTestCase

from bench.children import started_upstream
from bench.figures import FIGURES
from bench.http1 import Target
from bench.process import ProcessTree
from bench.scenarios import MEASURED_BY, ScenarioFailed, Sizes, Subject, burst, first_answer
from tests.bench.stand_in import started_stand_in

TINY = Sizes(
    burst_streams=2,
    burst_pieces=100,
    paced_streams=4,
    paced_rate=20.0,
    paced_ramp_seconds=0.1,
    paced_seconds=0.3,
    first_pairs=5,
    unary_requests=20,
    unary_connections=2,
    held_streams=4,
    held_rate=5.0,
    held_ramp_seconds=0.1,
    held_seconds=0.3,
    rest_seconds=0.1,
)


class ScenarioTests(SynchronousTestCase):
    def setUp(self) -> None:
        upstream = started_upstream()
        self.upstream_pid, self.upstream_port = upstream.__enter__()
        self.addCleanup(upstream.__exit__, None, None, None)

    def start_gateway(self, *faults: str) -> Subject:
        gateway = started_stand_in(self.upstream_port, *faults)
        pid, url = gateway.__enter__()
        self.addCleanup(gateway.__exit__, None, None, None)
        return Subject(
            target=Target.from_url(url, model="gpt-4o"),
            tree=ProcessTree(pid),
            upstream_pid=self.upstream_pid,
            upstream_address=f"127.0.0.1:{self.upstream_port}",
        )

    def test_each_scenario_measures_all_its_figures(self) -> None:
        subject = self.start_gateway()
        for name, scenario in MEASURED_BY.items():
            figures = scenario(subject, TINY)
            keys = [figure.key for figure in FIGURES if figure.key.startswith(name + ".")]
            self.assertEqual(sorted(figures), sorted(keys))
            unmeasured = [key for key, value in figures.items() if value <= 0]
            self.assertEqual(unmeasured, [])

    def test_a_gateway_that_loses_pieces_is_found_out(self) -> None:
        with self.assertRaises(ScenarioFailed) as caught:
            burst(self.start_gateway("lossy"), TINY)
        self.assertIn("49 pieces came, 50 were asked for", str(caught.exception))

    def test_a_gateway_that_joins_pieces_is_found_out(self) -> None:
        with self.assertRaises(ScenarioFailed) as caught:
            burst(self.start_gateway("joining"), TINY)
        self.assertIn("25 content events came, 50 were asked for", str(caught.exception))

    def test_waiting_for_a_first_answer_has_an_end(self) -> None:
        target = Target.from_url("http://127.0.0.1:9/v1", model="gpt-4o")
        with self.assertRaises(ScenarioFailed):
            first_answer(target, lambda: None, limit_seconds=0.05)
