"""The daemon's metrics: what there is, and what each finished request adds."""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from twisted.logger import Logger

from piecesd.errors import ModelNotFound
from piecesd.metrics.figures import LiveFigures
from piecesd.stats import WAIT_BOUNDS_SECONDS, FinishedRequest, Spread

OTHER = "other"
"""Stands for routes and models that a client has made up."""

_DURATION_BOUNDS_SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1, 2.5, 5, 10, 30, 60, 120, 300),
)
_LAG_BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5)


class Metrics:
    """Everything that is counted. Used in the reactor thread only.

    Labels that could come from a client have a bounded set of values: models
    are those of the catalogue, routes those of the route table.

    :param model_ids: the catalogue's.
    """

    _log = Logger()

    def __init__(self, model_ids: Iterable[str], *, version: str) -> None:
        disable_created_metrics()
        self.registry = CollectorRegistry()
        self._model_ids = frozenset(model_ids)
        self._define_requests()
        self._define_completions()
        self._define_figures(version)
        self._channels_seen: dict[tuple[str, str, str], int] = {}

    def _define_requests(self) -> None:
        registry = self.registry
        self._requests = Counter(
            "piecesd_requests_total",
            "Requests that are over; status 499 where the client left before one was sent.",
            ("route", "model", "status"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "piecesd_request_duration_seconds",
            "From the whole request to the end of its answer.",
            ("route",),
            buckets=_DURATION_BOUNDS_SECONDS,
            registry=registry,
        )
        self._errors = Counter(
            "piecesd_errors_total",
            "Requests that were answered with an HTTP error, by its code.",
            ("route", "code"),
            registry=registry,
        )
        self._cancelled = Counter(
            "piecesd_cancelled_requests_total",
            "Requests whose client left before the end of the answer.",
            ("route", "model"),
            registry=registry,
        )
        self._limited = Counter(
            "piecesd_limited_requests_total",
            "Requests that a rate limit refused, by which.",
            ("limit",),
            registry=registry,
        )
        self._events = Counter(
            "piecesd_events_total",
            "What else is worth counting, by name.",
            ("event",),
            registry=registry,
        )

    def _define_completions(self) -> None:
        registry = self.registry

        def by_model(name: str, documentation: str) -> Counter:
            return Counter(name, documentation, ("model",), registry=registry)

        self._broken = Counter(
            "piecesd_broken_streams_total",
            "Streams that failed after their first byte was out, by the code of the error.",
            ("model", "code"),
            registry=registry,
        )
        self._first_piece_seconds = Histogram(
            "piecesd_first_piece_seconds",
            "Time to the first piece of an answer, or to all of an unstreamed one.",
            ("model",),
            buckets=_DURATION_BOUNDS_SECONDS,
            registry=registry,
        )
        self._piece_wait_seconds = Histogram(
            "piecesd_piece_wait_seconds",
            "How long a stream waited for its next pieces, one observation a batch; what a "
            "slow client takes is not in it.",
            buckets=WAIT_BOUNDS_SECONDS,
            registry=registry,
        )
        self._pieces = by_model("piecesd_pieces_total", "Pieces that came from the upstream.")
        self._input_tokens = by_model(
            "piecesd_input_tokens_total", "Tokens of the prompts of whole answers."
        )
        self._output_tokens = by_model("piecesd_output_tokens_total", "Tokens of whole answers.")
        self._retries = by_model("piecesd_retries_total", "Calls that were tried again.")
        self._refused_retries = by_model(
            "piecesd_refused_retries_total", "Retries that their budget did not allow."
        )

    def _define_figures(self, version: str) -> None:
        registry = self.registry

        def gauge(name: str, documentation: str, *labels: str, mode: Any = "livesum") -> Gauge:
            return Gauge(name, documentation, labels, registry=registry, multiprocess_mode=mode)

        address = ("service", "address")
        self._connections = gauge("piecesd_open_connections", "Connections of clients.")
        self._running = gauge("piecesd_running_requests", "API requests being answered.")
        self._draining = gauge(
            "piecesd_draining", "1 while the daemon is stopping, else 0.", mode="livemin"
        )
        self._busy_threads = gauge("piecesd_bridge_threads_busy", "Streams that are being read.")
        self._max_threads = gauge("piecesd_bridge_threads_max", "Streams that can be read at once.")
        self._usable = gauge(
            "piecesd_upstream_usable",
            "1 where a call to the address would have a chance, else 0.",
            *address,
            mode="livemax",
        )
        self._channels = gauge("piecesd_upstream_channels", "Channels that are open.", *address)
        self._in_flight = gauge(
            "piecesd_upstream_calls_in_flight", "Calls that are under way.", *address
        )
        self._channel_changes = {
            change: Counter(
                f"piecesd_upstream_channels_{change}_total",
                f"Channels that were {change}.",
                address,
                registry=registry,
            )
            for change in ("opened", "closed")
        }
        self._lag = Histogram(
            "piecesd_reactor_lag_seconds",
            "How late the reactor ran what was due, looked at ten times a second.",
            buckets=_LAG_BOUNDS_SECONDS,
            registry=registry,
        )
        self._build = gauge("piecesd_build_info", "Always 1.", "version", mode="livemax")
        self._build.labels(version).set(1)

    # What happens.

    def count_request(self, request: FinishedRequest) -> None:
        """Count a request that is over, with all it came to. Does not fail."""
        try:
            self._count_request(request)
        except Exception:  # such as a full disk under the workers' files
            self._log.failure("Counting a request failed")

    def _count_request(self, request: FinishedRequest) -> None:
        route, model = request.route or OTHER, self._model_label(request)
        self._requests.labels(route, model, str(request.status)).inc()
        self._request_seconds.labels(route).observe(request.seconds)
        if request.outcome == "error":
            self._errors.labels(route, request.error_code or OTHER).inc()
        elif request.outcome == "cancelled":
            self._cancelled.labels(route, model).inc()
        elif request.outcome == "broken":
            self._broken.labels(model, request.error_code or OTHER).inc()
        if request.model_id is not None:
            self._count_completion(request, model)

    def _model_label(self, request: FinishedRequest) -> str:
        if request.model_id is not None:
            return request.model_id if request.model_id in self._model_ids else OTHER
        # Empty, which to Prometheus is none, where no model was asked for.
        return OTHER if request.error_code == ModelNotFound.code else ""

    def _count_completion(self, request: FinishedRequest, model: str) -> None:
        if request.first_piece_seconds is not None:
            self._first_piece_seconds.labels(model).observe(request.first_piece_seconds)
        for counter, count in (
            (self._pieces, request.pieces),
            (self._input_tokens, request.usage.input_tokens if request.usage else 0),
            (self._output_tokens, request.usage.output_tokens if request.usage else 0),
            (self._retries, request.retries),
            (self._refused_retries, request.refused_retries),
        ):
            if count:
                counter.labels(model).inc(count)
        if request.waits is not None:
            _observe_all(self._piece_wait_seconds, request.waits)

    def count_event(self, event: str, count: int = 1) -> None:
        """Count something else. Does not fail.

        :param event: a name from the source, never from a client: each is a
            series of its own.
        """
        self._add(self._events, event, count)

    def count_limited(self, limit: str) -> None:
        """Count a request that a rate limit refused. Does not fail.

        :param limit: its name, from the source as well.
        """
        self._add(self._limited, limit, 1)

    def _add(self, counter: Counter, label: str, count: int) -> None:
        try:
            counter.labels(label).inc(count)
        except Exception:
            self._log.failure("Counting {label} failed", label=label)

    def observe_lag(self, seconds: float) -> None:
        """The reactor ran so late."""
        self._lag.observe(seconds)

    # What is so when somebody asks.

    def publish(self, figures: LiveFigures) -> None:
        """Set the gauges."""
        self._connections.set(figures.open_connections)
        self._running.set(figures.running_requests)
        self._draining.set(figures.draining)
        threads = figures.pools["threads"]
        self._busy_threads.set(threads["busy"])
        self._max_threads.set(threads["max"])
        for service, addresses in figures.pools["services"].items():
            for each in addresses:
                self._publish_address(service, each)

    def _publish_address(self, service: str, figures: Mapping[str, Any]) -> None:
        address = figures["address"]
        self._usable.labels(service, address).set(figures["usable"])
        self._channels.labels(service, address).set(figures["channels"])
        self._in_flight.labels(service, address).set(figures["in_flight"])
        for change, counter in self._channel_changes.items():
            seen = self._channels_seen.get((service, address, change), 0)
            counter.labels(service, address).inc(figures[change] - seen)
            self._channels_seen[service, address, change] = figures[change]


def _observe_all(histogram: Histogram, spread: Spread) -> None:
    """Add many observations at once, which prometheus_client has no public way
    to do (docs/decisions/060)."""
    if spread.total:
        histogram._sum.inc(spread.total)
    for bucket, count in zip(histogram._buckets, spread.counts, strict=True):
        if count:
            bucket.inc(count)
