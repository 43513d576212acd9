"""Puts ``piecesd/_build.json`` into what hatchling builds: when, and of which commit.

`piecesd.version` reads it. It never stands in the source tree, where it would
go stale, except in an unpacked sdist, whose wheels keep the sdist's commit.
"""

import json
import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

RECORD = "piecesd/_build.json"
UNKNOWN = "unknown"


class BuildRecordHook(BuildHookInterface[Any]):
    """Runs around each build of a wheel or an sdist."""

    _directory: TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        record = {"time": build_time(), "commit": commit_of(Path(self.root))}
        self._directory = TemporaryDirectory()
        path = Path(self._directory.name, "_build.json")
        path.write_text(json.dumps(record) + "\n", encoding="ascii")
        build_data["force_include"][str(path)] = RECORD

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._directory is not None:
            self._directory.cleanup()


def build_time() -> str:
    """Now, or ``SOURCE_DATE_EPOCH`` where builds are to be reproducible
    (https://reproducible-builds.org/specs/source-date-epoch/); ISO 8601 in UTC."""
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def commit_of(root: Path) -> str:
    """The first 12 digits of the commit checked out at ``root``, or of the one
    an sdist was made of; ``unknown`` where there is neither."""
    try:
        return str(json.loads(Path(root, RECORD).read_text("ascii"))["commit"])
    except OSError:
        pass
    if not Path(root, ".git").exists():
        return UNKNOWN
    try:
        git = ["git", "-C", str(root), "rev-parse", "HEAD"]
        found = subprocess.run(git, capture_output=True, check=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN
    return found.stdout[:12]
