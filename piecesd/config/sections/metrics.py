"""Who may see the metrics."""

from dataclasses import dataclass

from piecesd.config import kinds
from piecesd.config.listen import ListenEndpoint
from piecesd.config.setting import setting


@dataclass(frozen=True, kw_only=True)
class MetricsSection:
    __slots__ = ()

    metrics_token: str | None = setting(
        "METRICS_TOKEN",
        "Metrics",
        kinds.secret(),
        "",
        "Token that `GET /metrics` asks for, sent as `Authorization: Bearer`; with it that is "
        "served on the daemon's own port, too.",
        secret=True,
    )
    metrics_listen: ListenEndpoint | None = setting(
        "METRICS_LISTEN",
        "Metrics",
        kinds.listening_address(),
        "",
        "Where to serve `GET /metrics` on a port of its own; a port alone is on 127.0.0.1. With "
        "neither this nor METRICS_TOKEN, the daemon's port shows it only while it is on a "
        "loopback address and no API_KEY is set.",
    )
