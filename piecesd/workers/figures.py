"""``GET /`` over several workers: many answers made one. Values in, values out."""

from collections.abc import Iterable
from typing import Any

from piecesd.history import latest
from piecesd.workers.messages import Status

_SAME_FOR_ALL = frozenset({"weight", "uptime_seconds"})
"""Numbers that don't add up."""


def merge(own: Status, others: Iterable[Status]) -> Status:
    """The answers of several workers as that of one daemon.

    Numbers are added. What is true of one is true of the daemon. Texts are
    those of ``own``. Objects are merged by key, lists by position.
    """
    merged = own
    for other in others:
        merged = _merge_objects(merged, other)
    return merged


def totals(status: Status) -> Status:
    """What of an answer still counts when its worker has ended, within bounds:
    its total, and what the last minutes were like."""
    requests = status.get("requests", {})
    return {
        "requests": {
            kind: {"total": counts["total"]}
            for kind, counts in requests.items()
            if "total" in counts
        },
        "steps": latest(status.get("steps", {})),
    }


def _merge_objects(own: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    merged = dict(own)
    for key, value in other.items():
        if key not in own:
            merged[key] = value
        elif key not in _SAME_FOR_ALL:
            merged[key] = _merge_values(own[key], value)
    return merged


def _merge_values(own: Any, other: Any) -> Any:
    match own, other:
        case dict(), dict():
            return _merge_objects(own, other)
        case list(), list() if len(own) == len(other):
            return [_merge_values(*pair) for pair in zip(own, other, strict=True)]
        case bool(), bool():
            return own or other
        case ((int() | float()), (int() | float())):
            return own + other
    return own
