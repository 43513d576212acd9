from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import Usage
from piecesd.metrics.figures import LiveFigures
from piecesd.metrics.metrics import Metrics
from piecesd.stats import FinishedRequest, Spread

CHAT = "/v1/chat/completions"


def finished(**fields: Any) -> FinishedRequest:
    """A request for an answer of gpt-4o that went well, but for ``fields``."""
    usual: dict[str, Any] = {
        "route": CHAT,
        "status": 200,
        "outcome": "ok",
        "error_code": None,
        "seconds": 0.5,
        "model_id": "gpt-4o",
    }
    return FinishedRequest(**usual | fields)


def figures(**address: Any) -> LiveFigures:
    usual = {"address": "a:1", "usable": True, "channels": 5, "in_flight": 2}
    changes = {"opened": 6, "closed": 1}
    return LiveFigures(
        pools={
            "threads": {"busy": 3, "max": 512},
            "services": {"gpt": [usual | changes | address]},
        },
        open_connections=7,
        running_requests=4,
        draining=False,
    )


class MetricsTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.metrics = Metrics(["gpt-4o", "gpt-4"], version="9.9")

    def value(self, name: str, **labels: str) -> float | None:
        """The value of a series; None where there is none."""
        return self.metrics.registry.get_sample_value(name, labels)


class RequestTests(MetricsTestCase):
    def test_a_request_is_counted_by_route_model_and_status(self) -> None:
        self.metrics.count_request(finished())
        self.metrics.count_request(finished(status=502, outcome="error", error_code="oh"))
        series = {"route": CHAT, "model": "gpt-4o"}
        self.assertEqual(self.value("piecesd_requests_total", **series, status="200"), 1)
        self.assertEqual(self.value("piecesd_requests_total", **series, status="502"), 1)
        self.assertEqual(self.value("piecesd_errors_total", route=CHAT, code="oh"), 1)

    def test_its_duration_is_spread_by_route(self) -> None:
        self.metrics.count_request(finished(seconds=0.2))
        name = "piecesd_request_duration_seconds"
        self.assertEqual(self.value(f"{name}_sum", route=CHAT), 0.2)
        self.assertEqual(self.value(f"{name}_bucket", route=CHAT, le="0.1"), 0)
        self.assertEqual(self.value(f"{name}_bucket", route=CHAT, le="0.25"), 1)

    def test_a_client_that_left_is_counted_and_is_no_error(self) -> None:
        self.metrics.count_request(finished(status=499, outcome="cancelled"))
        self.assertEqual(
            self.value("piecesd_cancelled_requests_total", route=CHAT, model="gpt-4o"), 1
        )
        self.assertNotIn("piecesd_errors_total{", generate_latest(self.metrics.registry).decode())

    def test_a_broken_stream_is_counted_by_the_code_of_its_error(self) -> None:
        self.metrics.count_request(finished(outcome="broken", error_code="upstream_broken"))
        self.assertEqual(
            self.value("piecesd_broken_streams_total", model="gpt-4o", code="upstream_broken"), 1
        )

    def test_what_a_completion_came_to_is_added_up(self) -> None:
        for _ in range(2):
            self.metrics.count_request(
                finished(
                    first_piece_seconds=0.04,
                    pieces=10,
                    retries=1,
                    refused_retries=1,
                    usage=Usage(input_tokens=5, output_tokens=3),
                )
            )
        for name, total in {
            "piecesd_pieces_total": 20,
            "piecesd_retries_total": 2,
            "piecesd_refused_retries_total": 2,
            "piecesd_input_tokens_total": 10,
            "piecesd_output_tokens_total": 6,
            "piecesd_first_piece_seconds_count": 2,
        }.items():
            self.assertEqual(self.value(name, model="gpt-4o"), total, name)

    def test_the_waits_of_a_stream_are_spread_as_if_observed_one_by_one(self) -> None:
        """Also those at a bound, and those above all."""
        one_by_one = Metrics([], version="9.9")._piece_wait_seconds
        spread = Spread()
        for seconds in (0.0, 0.001, 0.0011, 0.3, 10.0, 11.0):
            spread.add(seconds)
            one_by_one.observe(seconds)
        self.metrics.count_request(finished(waits=spread))
        ours, theirs = (
            [(sample.name, sample.labels, sample.value) for sample in metric.samples]
            for each in (self.metrics._piece_wait_seconds, one_by_one)
            for metric in each.collect()
        )
        self.assertEqual(ours, theirs)

    def test_a_failure_to_count_is_logged_and_goes_no_further(self) -> None:
        self.metrics.count_request(finished(model_id="gpt-4o", pieces=-1))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class CountTests(MetricsTestCase):
    def test_what_a_rate_limit_refuses_is_counted_by_which(self) -> None:
        for limit in ("strict", "strict", "concurrent"):
            self.metrics.count_limited(limit)
        for limit, count in (("strict", 2), ("concurrent", 1)):
            self.assertEqual(self.value("piecesd_limited_requests_total", limit=limit), count)

    def test_a_failure_to_count_an_event_is_logged_and_goes_no_further(self) -> None:
        self.metrics.count_event("ban", -1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class LabelTests(MetricsTestCase):
    """Strangers can't make series."""

    def test_a_model_that_the_catalogue_does_not_have_is_other(self) -> None:
        for number in range(100):
            self.metrics.count_request(finished(model_id=f"made-up-{number}"))
        self.metrics.count_request(
            finished(model_id=None, status=404, outcome="error", error_code="model_not_found")
        )
        self.assertEqual(self.labels("piecesd_requests", "model"), {"other"})

    def test_a_path_without_a_route_is_other_and_of_no_model(self) -> None:
        self.metrics.count_request(finished(route="", model_id=None, status=404))
        self.assertEqual(self.labels("piecesd_requests", "route"), {"other"})
        self.assertEqual(self.labels("piecesd_requests", "model"), {""})

    def labels(self, metric: str, label: str) -> set[str]:
        page = generate_latest(self.metrics.registry).decode()
        return {
            sample.labels[label]
            for family in text_string_to_metric_families(page)
            if family.name == metric
            for sample in family.samples
        }


class FigureTests(MetricsTestCase):
    def test_the_gauges_are_what_was_published_last(self) -> None:
        self.metrics.publish(figures())
        self.metrics.publish(figures(in_flight=9))
        address = {"service": "gpt", "address": "a:1"}
        self.assertEqual(self.value("piecesd_open_connections"), 7)
        self.assertEqual(self.value("piecesd_running_requests"), 4)
        self.assertEqual(self.value("piecesd_draining"), 0)
        self.assertEqual(self.value("piecesd_bridge_threads_busy"), 3)
        self.assertEqual(self.value("piecesd_bridge_threads_max"), 512)
        self.assertEqual(self.value("piecesd_upstream_usable", **address), 1)
        self.assertEqual(self.value("piecesd_upstream_channels", **address), 5)
        self.assertEqual(self.value("piecesd_upstream_calls_in_flight", **address), 9)
        self.assertEqual(self.value("piecesd_build_info", version="9.9"), 1)

    def test_channels_are_counted_once_however_often_they_are_published(self) -> None:
        address = {"service": "gpt", "address": "a:1"}
        for opened in (6, 6, 8):
            self.metrics.publish(figures(opened=opened))
        self.assertEqual(self.value("piecesd_upstream_channels_opened_total", **address), 8)
        self.assertEqual(self.value("piecesd_upstream_channels_closed_total", **address), 1)

    def test_events_are_counted_by_name(self) -> None:
        self.metrics.count_event("ban")
        self.metrics.count_event("ban", 2)
        self.assertEqual(self.value("piecesd_events_total", event="ban"), 3)

    def test_lag_is_spread(self) -> None:
        self.metrics.observe_lag(0.3)
        self.assertEqual(self.value("piecesd_reactor_lag_seconds_bucket", le="0.2"), 0)
        self.assertEqual(self.value("piecesd_reactor_lag_seconds_bucket", le="0.5"), 1)
