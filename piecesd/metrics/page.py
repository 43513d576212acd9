"""The page that Prometheus reads."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Metric,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from piecesd.metrics.figures import LiveFigures
from piecesd.metrics.metrics import Metrics
from piecesd.metrics.shared import dead_workers, live_workers

READ_ATTEMPTS = 5
READ_PAUSE_SECONDS = 0.001


class MetricsPage:
    """Renders the metrics of the daemon, of all its workers if it has several.

    :param figures: called for the figures of this moment, in the reactor thread.
    :param directory: where the workers share their metrics; None for one process.
    """

    def __init__(
        self, metrics: Metrics, figures: Callable[[], LiveFigures], directory: Path | None
    ) -> None:
        self._metrics = metrics
        self._figures = figures
        self._directory = directory
        if directory is None:
            self._registry = metrics.registry
            ProcessCollector(registry=self._registry)
            # Of several workers' collectors nobody could tell whose they are.
            GCCollector(registry=self._registry)
        else:
            self._registry = CollectorRegistry()
            MultiProcessCollector(self._registry, str(directory))
            self._registry.register(WorkerProcesses(directory))
        PlatformCollector(registry=self._registry)

    def publish(self) -> None:
        """Write down the figures of this moment, for whichever worker is asked."""
        self._metrics.publish(self._figures())

    def render(self) -> bytes:
        """The page, in version 0.0.4 of the text format."""
        self.publish()
        if self._directory is not None:
            # Their counts stay, or totals would fall; what they held does not.
            for pid in dead_workers(self._directory):
                mark_process_dead(pid, str(self._directory))
        return self._read()

    def _read(self) -> bytes:
        for _ in range(READ_ATTEMPTS - 1):
            try:
                return generate_latest(self._registry)
            except struct.error:  # a worker has just made a file, and not filled it
                time.sleep(READ_PAUSE_SECONDS)
        return generate_latest(self._registry)


class WorkerProcesses(Collector):
    """The process figures of every living worker, told apart by ``pid``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        merged: dict[str, Metric] = {}
        for pid in live_workers(self._directory):
            for metric in _process_figures(pid):
                whole = merged.setdefault(
                    metric.name, Metric(metric.name, metric.documentation, metric.type)
                )
                for sample in metric.samples:
                    whole.add_sample(sample.name, {"pid": str(pid)}, sample.value)
        return merged.values()


def _process_figures(pid: int) -> Iterable[Metric]:
    return ProcessCollector(pid=lambda: pid, registry=None).collect()
