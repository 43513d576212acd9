"""When a log file has lived long enough, and how the old ones make room."""

import time
from pathlib import Path


def shift(path: Path, keep: int) -> None:
    """Rename ``path`` to ``path.1``, what was there to ``path.2``, and so on;
    ``path.{keep}`` is the last, and what was there is gone.

    Files only move as far as the first free number, so that trying again after
    a failure loses none.

    :raises OSError: a file can't be renamed.
    """
    numbered = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, keep + 1))]
    free = next((index for index, each in enumerate(numbered) if not each.exists()), keep)
    for index in range(free, 0, -1):
        numbered[index - 1].replace(numbered[index])


def period_of(seconds: float, max_age_seconds: float) -> int:
    """The number of the span that a moment (Unix time) falls in.

    Spans are counted from midnight in the local zone, so that one of 86400
    seconds is a day of the calendar.
    """
    return int((seconds + time.localtime(seconds).tm_gmtoff) // max_age_seconds)
