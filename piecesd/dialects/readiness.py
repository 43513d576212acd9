"""JSON of ``/readyz``."""

from collections.abc import Mapping
from typing import Literal

import msgspec


class Readiness(msgspec.Struct):
    ready: bool
    draining: bool
    services: dict[str, Literal["ok", "down"]]


def readiness(services: Mapping[str, bool], *, draining: bool) -> Readiness:
    """Whether requests may be sent here, with ``services`` that could be called or
    not: alive is not yet ready."""
    return Readiness(
        ready=all(services.values()) and not draining,
        draining=draining,
        services={name: "ok" if usable else "down" for name, usable in services.items()},
    )


def render_readiness(of: Readiness) -> bytes:
    return msgspec.json.encode(of)
