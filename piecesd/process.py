"""What concerns the whole process: its core, its garbage, its clock, its threads."""

import gc
import os
import resource
import time
from functools import partial
from threading import Thread
from typing import Literal

from twisted.python.threadpool import ThreadPool

GC_YOUNG_THRESHOLD = 10_000
"""Allocations between two looks at the youngest generation. With CPython's 700
the collector ran so often under load that it showed in every tenth piece."""

GC_OLDER_THRESHOLDS = (3, 1)
"""After more than so many looks at a generation comes one at the next older. What
is left of a request is a hundred objects in a ring, 12 KB, which only a look at
the oldest generation finds once they have outlived the others. With CPython's
(10, 10) the remains of ten thousand requests came together (docs/decisions/072)."""

OTHER_FILES = 200
"""Open files that clients' connections leave to the rest: logs, channels, ports."""


def connections_that_fit(wanted: int) -> int:
    """``wanted``, or as many as the limit of open files leaves room for."""
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if open_files == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, max(open_files - OTHER_FILES, open_files // 2))


def pin_to_cores(
    affinity: Literal["auto", "off"] | frozenset[int], *, worker: int | None = None
) -> frozenset[int] | None:
    """Keep the process on some cores; to be called before gRPC starts threads.

    Threads on several cores spend more time on handing the interpreter lock to
    each other than on their work (docs/decisions/003). ``auto`` takes one of
    the cores the process may use, by its pid, so that several daemons spread; in
    a container, where every daemon is process 1, one by chance.

    :param worker: the number of this process among several of one daemon. They
        take the cores one each, in turn: those of ``affinity``, or with
        ``auto`` all that may be used.
    :returns: the cores, or None where they were left alone: ``off``, or a
        system without such a call.
    :raises OSError: the cores asked for do not exist or may not be used.
    """
    if affinity == "off" or not hasattr(os, "sched_setaffinity"):
        return None
    if affinity == "auto" or worker is not None:
        cores = sorted(os.sched_getaffinity(0) if affinity == "auto" else affinity)
        turn = _turn() if worker is None else worker
        affinity = frozenset({cores[turn % len(cores)]})
    os.sched_setaffinity(0, affinity)
    return affinity


def _turn() -> int:
    pid = os.getpid()
    return int.from_bytes(os.urandom(4)) if pid == 1 else pid


def tune_garbage_collection() -> None:
    """Look at new objects less often and at old ones more often, and never again
    at those there are now.

    To be called once everything is set up.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_YOUNG_THRESHOLD, *GC_OLDER_THRESHOLDS)


def set_time_zone(name: str) -> None:
    """Make ``name`` the local time zone; empty leaves the system's."""
    if name:
        os.environ["TZ"] = name
        time.tzset()


def daemon_threads(name: str, maximum: int) -> ThreadPool:
    """A pool of up to ``maximum`` threads, none of them started yet.

    They are daemon threads, so that not even one that a library has lost can
    keep the process from exiting.
    """
    pool = ThreadPool(minthreads=0, maxthreads=maximum, name=name)
    pool.threadFactory = partial(Thread, daemon=True)  # type: ignore[assignment]
    return pool
