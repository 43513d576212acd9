"""Wires what belongs to the metrics, for `piecesd.tap`."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.application.service import Service

from piecesd.access.gate import open_gate
from piecesd.config import Config
from piecesd.http.listening import Listeners
from piecesd.http.metrics import MetricsApi, MetricsEndpoint
from piecesd.http.settings import HttpSettings
from piecesd.http.site import ApiSite
from piecesd.metrics.figures import LiveFigures
from piecesd.metrics.lag import ReactorLag
from piecesd.metrics.service import MetricsService
from piecesd.metrics.shared import share_metrics
from piecesd.stats import FinishedRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltMetrics:
    """``endpoint`` is for the daemon's own port; None where it is not to show
    them. ``listeners`` are those of the metrics' own port; None where they have
    none. ``parts`` measure and publish while they run, and close them.

    The functions that count are those of `Metrics`.
    """

    count_request: Callable[[FinishedRequest], None]
    count_event: Callable[[str], None]
    count_limited: Callable[[str], None]
    endpoint: MetricsEndpoint | None
    listeners: Listeners | None
    parts: Sequence[Service]


def build(
    config: Config,
    reactor: Any,
    *,
    shared_directory: Path | None,
    model_ids: Iterable[str],
    figures: Callable[[], LiveFigures],
    http_settings: HttpSettings,
    version: str,
) -> BuiltMetrics:
    """Wire the metrics.

    :param shared_directory: where the workers of one daemon share what they count.
    :param figures: called for those of the moment, in the reactor thread.
    :param http_settings: those of the API's port; the times and sizes hold here, too.
    """
    directory = share_metrics(shared_directory, os.environ)
    # Not before: prometheus_client looks at the environment when it is imported.
    from piecesd.metrics.metrics import Metrics
    from piecesd.metrics.page import MetricsPage

    metrics = Metrics(model_ids, version=version)
    page = MetricsPage(metrics, figures, directory)
    endpoint = MetricsEndpoint(page.render, config.metrics_token)
    listeners = None
    if config.metrics_listen is not None:
        gate = open_gate(reactor.seconds)
        api = MetricsApi(endpoint, http_settings, gate=gate, version=version)
        listeners = Listeners(reactor, ApiSite(api, reactor), [config.metrics_listen])
    return BuiltMetrics(
        count_request=metrics.count_request,
        count_event=metrics.count_event,
        count_limited=metrics.count_limited,
        endpoint=endpoint if config.shows_metrics else None,
        listeners=listeners,
        parts=(
            ReactorLag(reactor, metrics.observe_lag),
            MetricsService(
                reactor,
                None if directory is None else page.publish,
                None if listeners is None else listeners.close,
            ),
        ),
    )
