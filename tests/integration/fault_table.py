"""The table of docs/reliability.md that says what clients see of each fault."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tests.integration.daemon import ROOT
from tests.pages import Page

RELIABILITY = Page(ROOT / "docs" / "reliability.md")

_COLUMNS = 7
_SEEN = re.compile(r"(?:(\d{3}|event) `(\w+)`|(whole))")

Place = Literal["before", "amid", "behind", "unstreamed"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client sees: an HTTP error (``status`` and ``code``), an error
    event (200 and its code), or the whole answer (200 and no code)."""

    status: int
    code: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultRow:
    """One fault, and what is seen of it in each place of an answer."""

    fault: str
    seen: dict[Place, Seen]
    retried: bool


def fault_rows() -> Iterator[FaultRow]:
    """Every row of the page's table; one for each of the faults that share it."""
    rows = [row for row in RELIABILITY.rows if len(row) == _COLUMNS]
    _head, _rule, *body = rows
    for _what, faults, before, amid, behind, unstreamed, retried in body:
        seen: dict[Place, Seen] = {
            "before": _read(before),
            "amid": _read(amid),
            "behind": _read(behind),
            "unstreamed": _read(unstreamed),
        }
        assert retried in ("yes", "no"), retried
        for fault in re.findall(r"`([^`]+)`", faults):
            yield FaultRow(fault=fault, seen=seen, retried=retried == "yes")


def _read(cell: str) -> Seen:
    match = _SEEN.fullmatch(cell)
    assert match, f"no outcome: {cell}"
    kind, code, _whole = match.groups()
    return Seen(status=int(kind) if kind and kind.isdigit() else 200, code=code)
