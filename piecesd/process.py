"""What concerns the whole process: its core, its garbage, its clock, signals."""

import gc
import os
import signal
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

GC_YOUNG_THRESHOLD = 10_000
"""Allocations between two looks at the youngest generation. With CPython's 700
the collector ran so often under load that it showed in every tenth piece."""


def pin_to_cores(affinity: Literal["auto", "off"] | frozenset[int]) -> frozenset[int] | None:
    """Keep the process on some cores; to be called before gRPC starts threads.

    Threads on several cores spend more time on handing the interpreter lock to
    each other than on their work (docs/decisions/003). ``auto`` takes one of
    the cores the process may use, by its pid, so that several daemons spread.

    :returns: the cores, or None where they were left alone: ``off``, or a
        system without such a call.
    :raises OSError: the cores asked for do not exist or may not be used.
    """
    if affinity == "off" or not hasattr(os, "sched_setaffinity"):
        return None
    if affinity == "auto":
        allowed = sorted(os.sched_getaffinity(0))
        affinity = frozenset({allowed[os.getpid() % len(allowed)]})
    os.sched_setaffinity(0, affinity)
    return affinity


def tune_garbage_collection() -> None:
    """Look at new objects less often, and never again at those there are now.

    To be called once everything is set up.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_YOUNG_THRESHOLD, *gc.get_threshold()[1:])


def set_time_zone(name: str) -> None:
    """Make ``name`` the local time zone; empty leaves the system's."""
    if name:
        os.environ["TZ"] = name
        time.tzset()


def on_signals(numbers: Iterable[signal.Signals], action: Callable[[], Any]) -> Callable[[], None]:
    """Call ``action`` in the main thread for each such signal from now on.

    :param action: runs between two bytecodes of anything; it should do no more
        than schedule.
    :returns: puts back what the signals did before.
    """
    before = {number: signal.signal(number, lambda *_args: action()) for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore
