"""How long the random schedules run: a second or two each in CI, and as long as
one likes where HYPOTHESIS_EXAMPLES says so."""

import os

from hypothesis import HealthCheck, settings


def examples(usual: int) -> settings:
    """So many examples, or as many as the environment asks for."""
    return settings(
        max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", usual)),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
