"""What a daemon holds of the system, once it has nothing to do."""

import json
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.process import ProcessTree

TOLERANCE = 1.1
"""Back to where it was means: no more than a tenth above it."""

SETTLE_SECONDS = 40.0
STEADY_SECONDS = 3.0
"""Three times SCALE_INTERVAL: idle threads and channels have gone by then."""

_LOOK_SECONDS = 0.1
_ESTABLISHED = "01"


@dataclass(frozen=True, kw_only=True, slots=True)
class Footprint:
    """Of a daemon and all its workers. ``open_files`` are without connections
    to the upstreams, which come and go as those die and come back."""

    open_files: int
    threads: int
    resident_bytes: int

    def excess_over(self, baseline: "Footprint") -> list[str]:
        """What is more than a tenth above ``baseline``."""
        return [
            f"{name}: {now} after {then}"
            for name in ("open_files", "threads", "resident_bytes")
            if (now := getattr(self, name)) > (then := getattr(baseline, name)) * TOLERANCE
        ]


def footprint(pid: int, upstream_ports: frozenset[int]) -> Footprint:
    tree = ProcessTree(pid)
    files = sum(_entries(each, "fd") for each in tree.pids)
    return Footprint(
        open_files=files - connections_to(upstream_ports),
        threads=sum(_entries(each, "task") for each in tree.pids),
        resident_bytes=tree.resident_bytes(),
    )


def connections_to(ports: frozenset[int]) -> int:
    """Connections of this machine's processes to such ports, as proc(5) lists
    them: the fourth field of a line is the state, the third the other end."""
    count = 0
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, _, remote, state, *_ = line.split()
            if state == _ESTABLISHED and int(remote.rpartition(":")[2], 16) in ports:
                count += 1
    return count


def settled_footprint(pid: int, port: int, upstream_ports: frozenset[int]) -> Footprint | None:
    """The footprint once nothing is under way and files and threads stay as
    they are; None if that does not come to be."""
    deadline = time.monotonic() + SETTLE_SECONDS
    last = None
    steady_since = time.monotonic()
    while time.monotonic() < deadline:
        now = footprint(pid, upstream_ports)
        held = (now.open_files, now.threads)
        if not is_idle(port) or held != last:
            last, steady_since = held, time.monotonic()
        elif time.monotonic() - steady_since > STEADY_SECONDS:
            return now
        time.sleep(_LOOK_SECONDS)
    return None


def is_idle(port: int) -> bool:
    """Whether no request, no call and no thread is at work."""
    status = get_status(port)
    pools = status["pools"]
    calls = sum(each["in_flight"] for service in pools["services"].values() for each in service)
    return not (calls or pools["threads"]["busy"] or status["requests"]["api"]["in_flight"])


def get_status(port: int) -> Any:
    """What the daemon says of itself at ``GET /``."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/", headers={"connection": "close"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def _entries(pid: int, name: str) -> int:
    try:
        return len(list(Path("/proc", str(pid), name).iterdir()))
    except OSError:  # it has just ended
        return 0
