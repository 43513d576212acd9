"""Whether an endpoint is well, as its calls tell: a state machine with no I/O.

    state      | a call succeeds | a call fails          | time passes
    -----------|-----------------|-----------------------|--------------------------
    well       | well            | well, or ejected when |
               |                 | it was one too many   |
    ejected    | well            | ejected               | half-open once its time
               |                 |                       | is over
    half-open  | well            | ejected, for twice    |
               |                 | as long               |

In half-open a single call at a time is let through, as a trial. An endpoint
that asks to be left alone for a while (a 429 with a retry-after) is *paused*:
it is well, and takes no calls until then. One that says itself that it does not
serve is ejected; one that says that it does becomes half-open.
"""

from collections.abc import Callable

FAILURES_TO_EJECT = 5
"""So many failures in a row eject. Fewer happen when one connection breaks."""

FIRST_EJECTION_SECONDS = 5.0
LONGEST_EJECTION_SECONDS = 300.0


class EndpointHealth:
    """The health of one endpoint, from what its calls report.

    :param seconds: the clock.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._failures = 0
        self._ejections = 0
        self._ejected_until: float | None = None
        self._paused_until = 0.0
        self._trial_runs = False
        self.last_failure_at = 0.0
        """In the clock's seconds; 0 where there was none."""

    @property
    def is_ejected(self) -> bool:
        """Whether it has failed too often and not succeeded since."""
        return self._ejected_until is not None

    @property
    def paused_for(self) -> float:
        """Seconds for which it has asked to be left alone; 0 for none."""
        return max(self._paused_until - self._seconds(), 0.0)

    def usable_in(self) -> float:
        """Seconds until it may be given a call; 0 for now."""
        now = self._seconds()
        wait = self.paused_for
        if self._ejected_until is None:
            return wait
        if self._trial_runs:
            # Its end is not known; by then it has another ejection to serve or none.
            return max(wait, FIRST_EJECTION_SECONDS)
        return max(wait, self._ejected_until - now, 0.0)

    def begin(self) -> None:
        """A call goes out; one of `succeed`, `fail` and `abandon` follows."""
        if self._ejected_until is not None:
            self._trial_runs = True

    def succeed(self) -> None:
        """The endpoint answered."""
        self._failures = self._ejections = 0
        self._ejected_until = None
        self._trial_runs = False

    def fail(self) -> None:
        """The call failed, and the endpoint is to blame."""
        now = self.last_failure_at = self._seconds()
        self._failures += 1
        was_trial, self._trial_runs = self._trial_runs, False
        if was_trial or (self._failures >= FAILURES_TO_EJECT and self._ejected_until is None):
            seconds = FIRST_EJECTION_SECONDS * 2.0**self._ejections
            self._ejected_until = now + min(seconds, LONGEST_EJECTION_SECONDS)
            self._ejections += 1

    def abandon(self) -> None:
        """The call ended and says nothing about the endpoint."""
        self._trial_runs = False

    def pause(self, seconds: float) -> None:
        """The endpoint asks for no calls for so long."""
        self._paused_until = max(self._paused_until, self._seconds() + seconds)

    def eject(self) -> None:
        """The endpoint says itself that it does not serve."""
        self.last_failure_at = self._seconds()
        self._ejected_until = self.last_failure_at + LONGEST_EJECTION_SECONDS

    def invite(self) -> None:
        """The endpoint says itself that it serves: if it is ejected, it may
        have its trial now."""
        if self._ejected_until is not None:
            self._ejected_until = self._seconds()
