"""The report: a table for people, a document for programs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.figures import Summary

_HEADINGS = ("figure", "unit", "median", "min", "max", "target", "")


@dataclass(frozen=True, slots=True)
class Failure:
    """A scenario of one run (from 1) that measured nothing, and why."""

    run: int
    scenario: str
    problem: str


def format_table(summaries: Iterable[Summary], failures: Iterable[Failure]) -> str:
    """The figures beside their targets, then what failed."""
    rows = [_HEADINGS, *map(_row, summaries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    lines += [f"FAILED: {item.scenario}, run {item.run}: {item.problem}" for item in failures]
    return "\n".join(lines)


def build_document(
    summaries: Sequence[Summary],
    failures: Sequence[Failure],
    *,
    taken_at: str,
    machine: Mapping[str, object],
    settings: Mapping[str, object],
) -> dict[str, object]:
    """All of it as JSON values; ``taken_at`` is an ISO 8601 time."""
    return {
        "taken_at": taken_at,
        "machine": dict(machine),
        "settings": dict(settings),
        "figures": {summary.figure.key: _record(summary) for summary in summaries},
        "failures": [
            {"run": item.run, "scenario": item.scenario, "problem": item.problem}
            for item in failures
        ],
    }


def all_met(summaries: Iterable[Summary], failures: Sequence[Failure]) -> bool:
    """Nothing failed, and no median misses its target."""
    return not failures and all(summary.met is not False for summary in summaries)


def _row(summary: Summary) -> tuple[str, ...]:
    figure, target = summary.figure, summary.figure.target
    return (
        figure.label,
        figure.unit,
        _number(summary.median),
        _number(min(summary.runs)),
        _number(max(summary.runs)),
        f"{target.bound} {target.value:,g}" if target else "",
        {True: "ok", False: "MISS", None: ""}[summary.met],
    )


def _record(summary: Summary) -> dict[str, object]:
    figure, target = summary.figure, summary.figure.target
    return {
        "label": figure.label,
        "unit": figure.unit,
        "median": summary.median,
        "min": min(summary.runs),
        "max": max(summary.runs),
        "runs": list(summary.runs),
        "target": {"bound": target.bound, "value": target.value} if target else None,
        "met": summary.met,
    }


def _number(value: float) -> str:
    """Three significant digits or more, never an exponent."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    return f"{value:,.{digits}f}"
