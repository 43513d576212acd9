"""Responses to be stored."""

from typing import Any

from piecesd.store.file import StoredResponse, StoreLimits

NOW = 1_700_000_000.0
LIMITS = StoreLimits(max_responses=5, max_bytes=1000, max_age_seconds=100)


def record(response_id: str, **fields: Any) -> StoredResponse:
    """One of ten bytes."""
    values: dict[str, Any] = {
        "holder": "ann",
        "created_unix": NOW,
        "response": b'{"a":1}',
        "input_items": b"[1]",
        "item_ids": (f"msg_{response_id}",),
    }
    return StoredResponse(id=response_id, **values | fields)
