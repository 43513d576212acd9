"""What is logged, how and where."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from piecesd.config import kinds
from piecesd.config.setting import setting


@dataclass(frozen=True, kw_only=True)
class LogsSection:
    __slots__ = ()

    debug: bool = setting(
        "DEBUG",
        "Logs",
        kinds.boolean(),
        "false",
        "Log debug events too, which may hold the text of messages; keys are never logged.",
    )
    log_file: Path | None = setting(
        "LOG_FILE",
        "Logs",
        kinds.file_path(),
        "",
        "File to log to beside the console. Empty: console only.",
    )
    log_format: Literal["text", "json"] = setting(
        "LOG_FORMAT",
        "Logs",
        kinds.one_of("text", "json"),
        "text",
        "Form of a log line, in the file and on the console.",
    )
    log_max_bytes: int | None = setting(
        "LOG_MAX_BYTES",
        "Logs",
        kinds.size_or_never("4KiB", "1024GiB"),
        "10MiB",
        "Size at which the log file is rotated.",
    )
    log_max_age_seconds: float | None = setting(
        "LOG_MAX_AGE",
        "Logs",
        kinds.seconds_or_never(60, 31_536_000),
        "86400",
        "Span of time one log file holds, counted from local midnight: 86400 rotates daily.",
    )
    log_keep: int = setting(
        "LOG_KEEP",
        "Logs",
        kinds.whole(1, 1000),
        "3",
        "Rotated log files that are kept.",
    )
    time_zone: str = setting(
        "TZ",
        "Logs",
        kinds.time_zone(),
        "",
        "Time zone of the log's times.",
    )
