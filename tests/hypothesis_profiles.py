"""How many examples Hypothesis makes: each test has its usual number, or the 100 that
are usual for all, and HYPOTHESIS_EXAMPLES says another one for all of them.

No example has a deadline, which a busy machine would miss.
"""

import os

from hypothesis import HealthCheck, settings


def examples(usual: int) -> settings:
    """So many examples, or as many as the environment asks for."""
    return settings(
        max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", usual)),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


def load_usual() -> None:
    """Have tests that say nothing else take 100, or as many as the environment says."""
    settings.register_profile("usual", examples(100))
    settings.load_profile("usual")
