"""What the processes of a daemon hold of the system, once they have nothing to do."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.process import resident_bytes
from soak.sockets import open_files, tcp_sockets

TOLERANCE = 1.1
"""Back to where it was means: no more than a tenth above it."""

SETTLE_SECONDS = 40.0
STEADY_SECONDS = 3.0
"""Three times SCALE_INTERVAL: idle threads and channels have gone by then."""

_LOOK_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Footprint:
    """Of one process. ``open_files`` are without connections to the upstreams,
    which come and go as those die and come back."""

    pid: int
    open_files: int
    threads: int
    resident_bytes: int

    def excess_over(self, baseline: "Footprint") -> list[str]:
        """What is more than a tenth above ``baseline``, of the same process."""
        if self.pid != baseline.pid:
            return [f"pid {self.pid} is another process than {baseline.pid}"]
        return [
            f"{name}: {now} after {then}"
            for name in ("open_files", "threads", "resident_bytes")
            if (now := getattr(self, name)) > (then := getattr(baseline, name)) * TOLERANCE
        ]


Footprints = dict[str, Footprint]
"""By what the processes are called in a report."""


def footprint(pid: int, upstream_ports: frozenset[int]) -> Footprint:
    to_upstreams = {
        f"socket:[{each.inode}]" for each in tcp_sockets() if each.remote_port in upstream_ports
    }
    return Footprint(
        pid=pid,
        open_files=sum(each not in to_upstreams for each in open_files(pid)),
        threads=_count_threads(pid),
        resident_bytes=resident_bytes(pid),
    )


def processes(daemon_pid: int, status: Any) -> dict[str, int]:
    """The pids of the daemon that has this status: of it alone, or of the
    supervisor and the workers."""
    if "workers" not in status:
        return {"daemon": daemon_pid}
    workers = {f"worker {each['worker']}": each["pid"] for each in status["workers"]}
    return {"supervisor": daemon_pid, **dict(sorted(workers.items()))}


def footprints(pids: Mapping[str, int], upstream_ports: frozenset[int]) -> Footprints:
    return {name: footprint(pid, upstream_ports) for name, pid in pids.items()}


def excess(now: Footprints, baseline: Footprints) -> list[str]:
    """What any process has more of than a tenth above its baseline."""
    return [
        f"{name}: {each}"
        for name in now
        if name in baseline
        for each in now[name].excess_over(baseline[name])
    ]


def settled_footprints(
    pid: int, port: int, upstream_ports: frozenset[int], baseline: Footprints
) -> Footprints | None:
    """The footprints once nothing is under way and files and threads stay as
    they are; None if that does not come to be.

    What is above ``baseline`` has time to go: gRPC ends threads of its own when
    they have had nothing to do for 20 seconds.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    settled = last = None
    steady_since = time.monotonic()
    while time.monotonic() < deadline:
        status = get_status(port)
        now = footprints(processes(pid, status), upstream_ports)
        held = [(each.pid, each.open_files, each.threads) for each in now.values()]
        if not is_idle(status) or held != last:
            last, steady_since = held, time.monotonic()
        elif time.monotonic() - steady_since > STEADY_SECONDS:
            settled = now
            if not excess(settled, baseline):
                break
        time.sleep(_LOOK_SECONDS)
    return settled


def is_idle(status: Any) -> bool:
    """Whether no request, no call and no thread is at work."""
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


def _count_threads(pid: int) -> int:
    try:
        return len(list(Path("/proc", str(pid), "task").iterdir()))
    except OSError:  # it has just ended
        return 0
