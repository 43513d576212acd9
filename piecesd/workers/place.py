"""What a worker is told by its environment, and which descriptors it inherits."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from piecesd.shared.directory import SHARED_DIRECTORY

REPORTS_FD = 3
"""The worker writes to the supervisor here."""
ORDERS_FD = 4
"""And reads here."""
_FIRST_LISTENING_FD = 5

_NUMBER = "PIECESD_WORKER"
_SOCKETS = "PIECESD_SOCKETS"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A worker's place among the others.

    ``number`` is 0, 1, …; a worker and the one that replaces it have the same.
    ``shared_directory`` is for files that all workers share; it lives as long
    as the supervisor. ``sockets``: how many listening ones it inherits.
    """

    number: int
    shared_directory: Path
    sockets: int

    @classmethod
    def of_process(cls, environ: Mapping[str, str]) -> "Place | None":
        """The place of a process with this environment; None if it is no worker."""
        try:
            return cls(
                number=int(environ[_NUMBER]),
                shared_directory=Path(environ[SHARED_DIRECTORY]),
                sockets=int(environ[_SOCKETS]),
            )
        except KeyError:
            return None

    @property
    def environment(self) -> dict[str, str]:
        """What `of_process` reads."""
        return {
            _NUMBER: str(self.number),
            SHARED_DIRECTORY: str(self.shared_directory),
            _SOCKETS: str(self.sockets),
        }

    @property
    def listening_fds(self) -> range:
        """The descriptors of the listening sockets in the worker."""
        return range(_FIRST_LISTENING_FD, _FIRST_LISTENING_FD + self.sockets)

    @property
    def turns_path(self) -> Path:
        return self.shared_directory / "turns"

    @property
    def log_lock_path(self) -> Path:
        return log_lock_path(self.shared_directory)


def log_lock_path(shared_directory: Path) -> Path:
    """The file by which the processes take turns at their log."""
    return shared_directory / "log.lock"
