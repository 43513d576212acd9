"""What the last ten minutes were like, in steps of five seconds.

Counting costs a few operations a request, none a piece, and no timer: a step is
opened by the first thing that happens in it, or after it. The memory never
grows. Steps are cut at the same moments in every process of a machine, so that
those of several workers can be added up (docs/decisions/101).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from piecesd.stats import FinishedRequest, Spread

STEP_SECONDS = 5
STEPS = 120
"""So many are shown once they are over; the running one is kept beside them."""

_KEPT = STEPS + 1
_STEPS_OF_A_MINUTE = 60 // STEP_SECONDS

_BOUNDS_SECONDS = tuple(0.001 * 2 ** (power / 4) for power in range(69))
"""From a millisecond to two minutes, each a fifth above the one before."""

Steps = Mapping[str, Mapping[str, Any]]
"""The figures of each step by its number, the whole fives of seconds since 1970;
what is zero is left out. Adding up all numbers adds up workers."""


@dataclass(slots=True)
class _Step:
    number: int
    in_flight: int
    channels: int
    requests: int = 0
    failed: int = 0
    output_tokens: int = 0
    first_tokens: Spread | None = None

    def figures(self) -> dict[str, Any]:
        named = {
            "requests": self.requests,
            "failed": self.failed,
            "output_tokens": self.output_tokens,
            "in_flight": self.in_flight,
            "channels": self.channels,
            "first_tokens": self._first_tokens(),
        }
        return {name: figure for name, figure in named.items() if figure}

    def _first_tokens(self) -> dict[str, int]:
        counts = () if self.first_tokens is None else self.first_tokens.counts
        return {str(place): count for place, count in enumerate(counts) if count}


class History:
    """The steps of one process. A clock that steps back is taken to stand still.

    :param seconds: the clock, in seconds since 1970.
    :param channels: called for how many are open, at most once a step and
        whenever somebody asks.
    """

    def __init__(self, seconds: Callable[[], float], channels: Callable[[], int]) -> None:
        self._seconds = seconds
        self._channels = channels
        self._ring: list[_Step | None] = [None] * _KEPT
        self._newest = int(seconds()) // STEP_SECONDS - 1
        self._in_flight = 0

    def count_api_request(self) -> None:
        """One has come in, and may still be refused."""
        self._running_step().requests += 1

    def note_in_flight(self, count: int) -> None:
        """So many API requests are being answered from now on. Of each step the
        most is kept."""
        step = self._running_step()
        self._in_flight = count
        step.in_flight = max(step.in_flight, count)

    def count_finished(self, request: FinishedRequest) -> None:
        """Count what a completion came to; nothing of other requests."""
        if request.model_id is None:
            return
        step = self._running_step()
        if request.outcome in ("error", "broken"):
            step.failed += 1
        if request.first_piece_seconds is None:
            return
        ended = self._seconds()
        first = ended - max(0.0, request.seconds - request.first_piece_seconds)
        self._add_first_token(first, request.first_piece_seconds)
        # Of an answer that broke off, as for the rate limits, each piece is one.
        tokens = request.pieces if request.usage is None else request.usage.output_tokens
        self._add_tokens(tokens, first, ended)

    def steps(self) -> dict[str, dict[str, Any]]:
        """All that is kept, for `present`."""
        self._running_step().channels = self._channels()
        return {str(step.number): step.figures() for step in self._ring if step is not None}

    def _add_first_token(self, at: float, waited_seconds: float) -> None:
        if (step := self._step_at(at)) is not None:
            if step.first_tokens is None:
                step.first_tokens = Spread(_BOUNDS_SECONDS)
            step.first_tokens.add(waited_seconds)

    def _add_tokens(self, tokens: int, first: float, ended: float) -> None:
        """Add them to the steps in which they came, as if evenly."""
        given = 0
        for end in _step_ends(first, ended):
            until = tokens if end >= ended else round(tokens * (end - first) / (ended - first))
            if (step := self._step_at(end - STEP_SECONDS)) is not None:
                step.output_tokens += until - given
            given = until

    def _step_at(self, seconds: float) -> _Step | None:
        """The step of that moment, where it is still kept."""
        number = int(seconds) // STEP_SECONDS
        step = self._ring[number % _KEPT]
        return step if step is not None and step.number == number else None

    def _running_step(self) -> _Step:
        """The step of now, after those that nothing has happened in since."""
        now = int(self._seconds()) // STEP_SECONDS
        if now > self._newest:
            channels = self._channels()
            for number in range(max(self._newest + 1, now - _KEPT + 1), now + 1):
                self._ring[number % _KEPT] = _Step(number, self._in_flight, channels)
            self._newest = now
        step = self._ring[self._newest % _KEPT]
        if step is None:  # the clock has stepped back before anything happened
            step = _Step(self._newest, self._in_flight, self._channels())
            self._ring[self._newest % _KEPT] = step
        return step


def _step_ends(first: float, ended: float) -> Iterator[int]:
    """The ends of all steps from the one of ``first`` to the one of ``ended``."""
    start = int(first) // STEP_SECONDS * STEP_SECONDS
    return iter(range(start + STEP_SECONDS, int(ended) + STEP_SECONDS + 1, STEP_SECONDS))


def latest(steps: Steps) -> dict[str, Mapping[str, Any]]:
    """As many of the newest of ``steps`` as a process keeps."""
    return {number: steps[number] for number in sorted(steps, key=int)[-_KEPT:]}


def present(steps: Steps) -> dict[str, Any]:
    """``last_minute`` and ``history`` of ``GET /``, of one process or of the sum
    of several; JSON.

    The step that runs is in the former only: half a step would look like a drop.
    """
    newest, oldest = max(map(int, steps)), min(map(int, steps))
    over = range(max(oldest, newest - STEPS), newest)
    minute = range(newest - _STEPS_OF_A_MINUTE + 1, newest + 1)
    return {
        "last_minute": _minute([steps.get(str(number), {}) for number in minute]),
        "history": {
            "step_seconds": STEP_SECONDS,
            "end_unix": newest * STEP_SECONDS,
            **_columns([steps.get(str(number), {}) for number in over]),
        },
    }


def _minute(steps: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    first_tokens: dict[str, int] = {}
    failed = output_tokens = 0
    for step in steps:
        failed += step.get("failed", 0)
        output_tokens += step.get("output_tokens", 0)
        for place, count in step.get("first_tokens", {}).items():
            first_tokens[place] = first_tokens.get(place, 0) + count
    return {
        "failed": failed,
        "output_tokens_per_second": round(output_tokens / 60, 2),
        "first_token_p50_seconds": quantile(first_tokens, 0.5),
        "first_token_p95_seconds": quantile(first_tokens, 0.95),
    }


def _columns(steps: list[Mapping[str, Any]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        name: [step.get(name, 0) for step in steps]
        for name in ("requests", "failed", "output_tokens", "in_flight", "channels")
    }
    for percent in (50, 95):
        columns[f"first_token_p{percent}_seconds"] = [
            quantile(step.get("first_tokens", {}), percent / 100) for step in steps
        ]
    return columns


def quantile(counts: Mapping[str, int], part: float) -> float | None:
    """The time that ``part`` of the first tokens took at most, to within a tenth;
    None where there are none.

    :param counts: those up to each bound and above the one before, by the
        place of the bound.
    """
    total = sum(counts.values())
    wanted = part * total
    for place in sorted(map(int, counts)):
        count = counts[str(place)]
        if count >= wanted:
            return round(_between_bounds(place, wanted / count), 4)
        wanted -= count
    return None


def _between_bounds(place: int, part: float) -> float:
    """The value at ``part`` of the way to the bound of that place; the highest
    bound stands for what is above it."""
    if place >= len(_BOUNDS_SECONDS):
        return _BOUNDS_SECONDS[-1]
    above = _BOUNDS_SECONDS[place - 1] if place else 0.0
    return above + part * (_BOUNDS_SECONDS[place] - above)
