"""What processes cost, as Linux accounts for it."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ProcessTree:
    """A process, its threads, and the processes it has started and kept.

    ``pids`` are looked up once, because that takes milliseconds; the
    difference of two readings holds while the same processes live.
    """

    def __init__(self, pid: int) -> None:
        children: dict[int, list[int]] = {}
        for directory in _PROC.glob("[0-9]*"):
            parent = _parent_pid(directory)
            if parent is not None:
                children.setdefault(parent, []).append(int(directory.name))
        self.pids = [pid]
        for found in self.pids:
            self.pids += children.get(found, [])

    def cpu_seconds(self) -> float:
        """User and system time of all their threads, ended ones too."""
        return sum(map(cpu_seconds, self.pids))

    def resident_bytes(self) -> int:
        """Resident memory; pages that they share count for each."""
        return sum(map(resident_bytes, self.pids))

    def cores(self) -> set[int]:
        """The cores that any of their threads may run on."""
        return {
            core
            for pid in self.pids
            for thread in (_PROC / str(pid) / "task").glob("*")
            for core in os.sched_getaffinity(int(thread.name))
        }


def cpu_seconds(pid: int) -> float:
    """CPU time of one process by its CPU-time clock, which counts nanoseconds
    where /proc/PID/stat counts hundredths of a second; 0 once it is gone."""
    # How Linux numbers the clock of another process; clock_getcpuclockid(3)
    # returns the same and is not in Python's standard library.
    clock = ~pid << 3 | 2
    try:
        return time.clock_gettime(clock)
    except OSError:
        return 0.0


def keep_on(cores: Iterable[int], pids: Iterable[int]) -> None:
    """Keep every thread of these processes on those cores."""
    for pid in pids:
        for thread in (_PROC / str(pid) / "task").glob("*"):
            os.sched_setaffinity(int(thread.name), cores)


def _parent_pid(directory: Path) -> int | None:
    try:
        stat = (directory / "stat").read_text()
    except OSError:
        return None
    # The name in parentheses may hold anything, so fields count from its end.
    return int(stat.rpartition(")")[2].split()[1])


def resident_bytes(pid: int) -> int:
    """Resident memory of one process; 0 once it is gone."""
    directory = _PROC / str(pid)
    try:
        for line in (directory / "smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return int((directory / "statm").read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0
