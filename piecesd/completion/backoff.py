"""How long to wait before a call is tried again."""

from collections.abc import Callable

BASE_SECONDS = 0.25
CAP_SECONDS = 8.0


def backoff_seconds(retry: int, uniform: Callable[[float, float], float]) -> float:
    """Exponential backoff with full jitter for the ``retry``-th retry, from 0.

    Full jitter spreads those who failed together over the whole interval.

    :param uniform: `random.uniform`, or a test's.
    """
    return uniform(0.0, min(CAP_SECONDS, BASE_SECONDS * 2.0**retry))
