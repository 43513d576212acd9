"""What the bench reports: its figures, their targets, and their statistics."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Bound = Literal["at most", "at least", "under"]

Figures = dict[str, float]
"""The figures of one run, by their key."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure should be, in the figure's unit."""

    bound: Bound
    value: float

    def met_by(self, value: float) -> bool:
        if self.bound == "at least":
            return value >= self.value
        return value < self.value or (self.bound == "at most" and value == self.value)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report. The part of ``key`` before the dot is the
    scenario that measures it."""

    key: str
    label: str
    unit: str
    target: Aim | None = None


FIGURES = (
    Figure("start.first_answer_s", "start to first answer", "s", Aim("under", 1.5)),
    Figure("idle.rss_mb", "RSS, idle since its start", "MB", Aim("under", 90)),
    Figure("idle.rss_answered_mb", "RSS, idle after an answer", "MB"),
    Figure("burst.cpu_us_per_chunk", "burst: CPU a chunk", "µs", Aim("at most", 25)),
    Figure("burst.chunks_per_s", "burst: chunks a second", "1/s", Aim("at least", 40_000)),
    Figure("burst.harness_us_per_chunk", "burst: the bench's own CPU a chunk", "µs"),
    Figure("paced.cpu_us_per_chunk", "paced: CPU a chunk", "µs", Aim("at most", 130)),
    Figure("paced.chunks_per_s", "paced: chunks a second", "1/s"),
    Figure("paced.late_p50_ms", "paced: lateness p50", "ms"),
    Figure("paced.late_p99_ms", "paced: lateness p99", "ms", Aim("under", 10)),
    Figure("first.added_p50_ms", "time to first token: added p50", "ms", Aim("under", 2)),
    Figure("first.added_p99_ms", "time to first token: added p99", "ms"),
    Figure("first.direct_p50_ms", "time to first token: direct gRPC p50", "ms"),
    Figure("first.direct_p99_ms", "time to first token: direct gRPC p99", "ms"),
    Figure("first.gateway_p50_ms", "time to first token: gateway p50", "ms"),
    Figure("first.gateway_p99_ms", "time to first token: gateway p99", "ms"),
    Figure("unary.cpu_ms_per_request", "unstreamed: CPU a request", "ms", Aim("at most", 1.2)),
    Figure("unary.requests_per_s", "unstreamed: requests a second", "1/s"),
    Figure("held.late_p50_ms", "held streams: lateness p50", "ms"),
    Figure("held.late_p99_ms", "held streams: lateness p99", "ms", Aim("under", 50)),
    Figure("held.cpu_percent", "held streams: share of a core", "%"),
    Figure("held.rss_mb", "RSS with all streams open", "MB"),
    Figure("held.rss_after_mb", "RSS after they ended", "MB"),
)

SCENARIOS = tuple(dict.fromkeys(figure.key.partition(".")[0] for figure in FIGURES))
"""The scenarios in the order in which a run goes through them."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least ``percent`` of the values don't exceed
    (nearest rank); there must be one."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


@dataclass(frozen=True, slots=True)
class Summary:
    """A figure over all runs that measured it; there is at least one."""

    figure: Figure
    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    @property
    def met(self) -> bool | None:
        """Whether the median meets the target; None where there is none."""
        target = self.figure.target
        return None if target is None else target.met_by(self.median)


def summarise(runs: Sequence[Figures]) -> list[Summary]:
    """What the runs have measured, in the order of the report."""
    summaries = []
    for figure in FIGURES:
        values = tuple(run[figure.key] for run in runs if figure.key in run)
        if values:
            summaries.append(Summary(figure, values))
    return summaries
