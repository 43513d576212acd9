"""The directory in which the workers of one daemon keep what they share."""

from collections.abc import Mapping
from pathlib import Path

SHARED_DIRECTORY = "PIECESD_SHARED_DIRECTORY"
"""The variable that names it, set by the supervisor for its workers."""


def shared_directory(environment: Mapping[str, str]) -> Path | None:
    """The directory; None for a daemon of one process."""
    path = environment.get(SHARED_DIRECTORY)
    return Path(path) if path else None
