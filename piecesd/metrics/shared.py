"""The files in which the worker processes of one daemon add up their metrics.

Imports nothing of prometheus_client: that looks for its variable once, when it
is imported.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path

SHARED_DIRECTORY = "PIECESD_SHARED_DIRECTORY"
"""Set by the supervisor of several workers: a private directory of all of them."""

_PROMETHEUS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def share_metrics(environment: MutableMapping[str, str]) -> Path | None:
    """Have prometheus_client count in files if there are other workers.

    To be called before anything imports prometheus_client.

    :returns: where the files are; None for a daemon of one process.
    """
    shared = environment.get(SHARED_DIRECTORY)
    if not shared:
        # Somebody else's; counts in memory would be lost in it.
        environment.pop(_PROMETHEUS_DIRECTORY, None)
        return None
    directory = Path(shared, "metrics")
    directory.mkdir(exist_ok=True)
    environment[_PROMETHEUS_DIRECTORY] = str(directory)
    return directory


def live_workers(directory: Path) -> list[int]:
    """The pids of the workers that have published figures and are alive."""
    return sorted(pid for pid in _publishers(directory) if _is_alive(pid))


def dead_workers(directory: Path) -> list[int]:
    """The pids of those that left figures behind."""
    return sorted(pid for pid in _publishers(directory) if not _is_alive(pid))


def _publishers(directory: Path) -> set[int]:
    names = (path.stem.rpartition("_")[2] for path in directory.glob("gauge_live*_*.db"))
    return {int(name) for name in names if name.isdigit()}


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
