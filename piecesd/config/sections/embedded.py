"""The upstream that piecesd brings along."""

from collections.abc import Mapping
from dataclasses import dataclass

from piecesd.config import kinds
from piecesd.config.setting import setting


@dataclass(frozen=True, kw_only=True)
class EmbeddedSection:
    __slots__ = ()

    echo_delay_seconds: float = setting(
        "ECHO_DELAY",
        "Embedded upstream",
        kinds.seconds(0, 60),
        "0.03",
        "Pause before each word of the demonstration model.",
    )
    relay_base_url: str | None = setting(
        "RELAY_BASE_URL",
        "Embedded upstream",
        kinds.base_url(),
        "",
        "OpenAI-compatible server to forward to, such as http://127.0.0.1:11434/v1. Empty: the "
        "demonstration model answers.",
    )
    relay_api_key: str | None = setting(
        "RELAY_API_KEY",
        "Embedded upstream",
        kinds.secret(),
        "",
        "Key to show to that server.",
        secret=True,
    )
    relay_model_map: Mapping[str, str] = setting(
        "RELAY_MODEL_MAP",
        "Embedded upstream",
        kinds.model_map(),
        "",
        "Names of models here and at that server; `*` is for any other. Unmapped names stay.",
    )
    upstream_faults: bool = setting(
        "UPSTREAM_FAULTS",
        "Embedded upstream",
        kinds.boolean(),
        "false",
        "Let a request script faults of the embedded upstream. For tests only.",
    )
