"""Which piecesd this is: version, build time and commit.

A wheel carries ``_build.json``, written by ``hatch_build.py`` when it was
built. A source checkout has none and says what git's files say.
"""

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from piecesd import __version__

UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """``time`` is ISO 8601 in UTC; a checkout was not built and has no time."""

    version: str
    time: str
    commit: str

    def __str__(self) -> str:
        return f"piecesd {self.version} (built {self.time}, commit {self.commit})"


def read_build() -> Build:
    """What is known of the running package; never fails."""
    record = resources.files("piecesd").joinpath("_build.json")
    try:
        stored = json.loads(record.read_text("utf-8"))
        return Build(version=__version__, time=stored["time"], commit=stored["commit"])
    except (OSError, ValueError, KeyError):
        checkout = Path(__file__).parent.parent
        return Build(version=__version__, time="never, a checkout", commit=_head(checkout))


def _head(checkout: Path) -> str:
    """The commit that a checkout's HEAD names, without running git."""
    git = checkout / ".git"
    try:
        head = (git / "HEAD").read_text("ascii").strip()
        if not head.startswith("ref: "):
            return head[:12]
        return (git / head.removeprefix("ref: ")).read_text("ascii").strip()[:12]
    except (OSError, ValueError):
        return UNKNOWN
