"""What is going on in the daemon, for whoever asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveFigures:
    """What is going on at one moment.

    ``pools`` is what `piecesd.upstream.service.UpstreamService.figures` says.
    """

    pools: Mapping[str, Any]
    open_connections: int
    running_requests: int
    draining: bool
