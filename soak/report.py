"""What a soak came to, as text and as JSON."""

from dataclasses import asdict, dataclass
from typing import Any

from soak.footprint import Footprint

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """``violations`` are what must not have happened; none is a good soak.

    ``outcomes`` are by what clients saw, ``nonsense`` by the status it got (0:
    none, the connection was closed or said nothing).
    """

    seconds: float
    clients: int
    seed: int
    outcomes: dict[str, int]
    faults_scripted: int
    nonsense: dict[int, int]
    accidents: dict[str, int]
    retries: int
    held_connections: int
    baseline: Footprint | None
    end: Footprint | None
    violations: list[str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def as_text(self) -> str:
        lines = [f"{self.seconds:.0f} s, {self.clients} clients, seed {self.seed}", ""]
        lines += _table("requests", self.outcomes)
        lines += [f"  {self.faults_scripted:>8} of them with a scripted fault"]
        lines += [f"  {self.retries:>8} retries", ""]
        lines += _table("bad input, by the status it got", self.nonsense)
        lines += ["", *_table("accidents", self.accidents)]
        lines += [f"  {self.held_connections:>8} idle connections held meanwhile", ""]
        lines += ["footprint               after warm-up     at the end"]
        if self.baseline is not None and self.end is not None:
            for name in ("open_files", "threads"):
                then, now = getattr(self.baseline, name), getattr(self.end, name)
                lines.append(f"  {name:<18} {then:>16} {now:>14}")
            then, now = self.baseline.resident_bytes, self.end.resident_bytes
            lines.append(
                f"  {'resident MiB':<18} {then / _MEBIBYTE:>16.1f} {now / _MEBIBYTE:>14.1f}"
            )
        lines += ["", f"{len(self.violations)} violations"]
        return "\n".join([*lines, *(f"  {each}" for each in self.violations)])


def _table(title: str, counts: dict[Any, int]) -> list[str]:
    rows = [f"  {count:>8} {name}" for name, count in sorted(counts.items(), key=str)]
    return [f"{title}: {sum(counts.values())}", *rows]
