"""What a soak came to, as text and as JSON."""

from dataclasses import asdict, dataclass
from typing import Any

from soak.footprint import Footprint

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A process after a warm-up and at the end."""

    baseline: Footprint
    end: Footprint

    def as_row(self) -> str:
        then, now = self.baseline, self.end
        return (
            f"{then.open_files:>7} {now.open_files:>5} {then.threads:>9} {now.threads:>5}"
            f" {then.resident_bytes / _MEBIBYTE:>9.1f} {now.resident_bytes / _MEBIBYTE:>7.1f}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """``violations`` are what must not have happened; none is a good soak.

    ``outcomes`` are by what clients saw, ``nonsense`` by the status it got (0:
    none, the connection was closed or said nothing). ``footprints`` are by the
    name of the process; empty if the daemon did not come to rest.
    """

    workers: int
    seconds: float
    clients: int
    seed: int
    outcomes: dict[str, int]
    faults_scripted: int
    nonsense: dict[int, int]
    accidents: dict[str, int]
    retries: int
    held_connections: int
    footprints: dict[str, Comparison]
    violations: list[str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def as_text(self) -> str:
        processes = "a single process" if self.workers == 1 else f"{self.workers} workers"
        lines = [
            f"{processes}: {self.seconds:.0f} s, {self.clients} clients, seed {self.seed}",
            "",
            *_table("requests", self.outcomes),
            f"  {self.faults_scripted:>8} of them with a scripted fault",
            f"  {self.retries:>8} retries",
            "",
            *_table("bad input, by the status it got", self.nonsense),
            "",
            *_table("accidents", self.accidents),
            f"  {self.held_connections:>8} idle connections held meanwhile",
            "",
            "after warm-up, at the end   files         threads     resident MiB",
            *(f"  {name:<21} {each.as_row()}" for name, each in self.footprints.items()),
            "",
            f"{len(self.violations)} violations",
        ]
        return "\n".join([*lines, *(f"  {each}" for each in self.violations)])


def _table(title: str, counts: dict[Any, int]) -> list[str]:
    rows = [f"  {count:>8} {name}" for name, count in sorted(counts.items(), key=str)]
    return [f"{title}: {sum(counts.values())}", *rows]
