"""The files in which the worker processes of one daemon add up their metrics.

Imports nothing of prometheus_client: that looks for its variable once, when it
is imported.
"""

from collections.abc import MutableMapping
from pathlib import Path

from piecesd.shared.processes import is_alive

_PROMETHEUS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def share_metrics(shared: Path | None, environment: MutableMapping[str, str]) -> Path | None:
    """Have prometheus_client count in files if there are other workers.

    To be called before anything imports prometheus_client.

    :param shared: the directory that the workers share; None where there is one
        process.
    :param environment: this process's, for prometheus_client to read.
    :returns: where the files are; None for a daemon of one process.
    """
    if shared is None:
        # Somebody else's; counts in memory would be lost in it.
        environment.pop(_PROMETHEUS_DIRECTORY, None)
        return None
    directory = shared / "metrics"
    directory.mkdir(exist_ok=True)
    environment[_PROMETHEUS_DIRECTORY] = str(directory)
    return directory


def live_workers(directory: Path) -> list[int]:
    """The pids of the workers that have published figures and are alive."""
    return sorted(pid for pid in _publishers(directory) if is_alive(pid))


def dead_workers(directory: Path) -> list[int]:
    """The pids of those that left figures behind."""
    return sorted(pid for pid in _publishers(directory) if not is_alive(pid))


def _publishers(directory: Path) -> set[int]:
    names = (path.stem.rpartition("_")[2] for path in directory.glob("gauge_live*_*.db"))
    return {int(name) for name in names if name.isdigit()}
