"""What is kept of the Responses API's responses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from piecesd.config import kinds
from piecesd.config.setting import setting


@dataclass(frozen=True, kw_only=True)
class StoreSection:
    __slots__ = ()

    store: Path | Literal["memory", "off"] = setting(
        "STORE",
        "Store",
        kinds.store(),
        "memory",
        "Where responses are kept, to be shown again and gone on from: `memory` for as long as "
        "the daemon runs, an SQLite file, or `off`.",
    )
    store_max_responses: int = setting(
        "STORE_MAX_RESPONSES",
        "Store",
        kinds.whole(1, 1_000_000),
        "10000",
        "Most responses that are kept; the oldest go.",
    )
    store_max_bytes: int = setting(
        "STORE_MAX_BYTES",
        "Store",
        kinds.size("1MiB", "1024GiB"),
        "64MiB",
        "Most bytes that they may have together; the oldest go.",
    )
    store_max_age_seconds: float = setting(
        "STORE_MAX_AGE",
        "Store",
        kinds.seconds(1, 315_360_000),
        "2592000",
        "Seconds for which a response is kept; 2592000 is 30 days.",
    )
