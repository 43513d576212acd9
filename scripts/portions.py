"""What of the tests one process runs, in which order, and what runs alone.

A portion is a tuple of names as trial takes them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

Portion = tuple[str, ...]

ROOT = Path(__file__).parent.parent

ONE_BY_ONE = ("tests", "tests.deploy", "tests.integration")
"""Packages of which each module and each package is a portion."""

TOGETHER = (
    ("tests.deploy.test_init_d", "tests.deploy.test_systemd"),
    ("tests.deploy.test_packages", "tests.integration.test_packaging"),
)
"""Modules that are one portion, since they share what takes long to make."""

FIRST = ("tests.deploy", "tests.integration")
"""What takes longest, lest it be what all wait for in the end."""

ALONE: tuple[str, ...] = ()
"""What measures so closely that it needs the machine for itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """``side_by_side`` in the order of their start; ``alone`` after those, one by one."""

    side_by_side: Sequence[Portion]
    alone: Sequence[Portion]

    @classmethod
    def of(cls, names: Iterable[str]) -> "Plan":
        """:param names: of packages, modules, classes or tests."""
        found = list(_portions(dict.fromkeys(unit for name in names for unit in _units(name))))
        return cls(
            side_by_side=sorted((each for each in found if each[0] not in ALONE), key=_rank),
            alone=[each for each in found if each[0] in ALONE],
        )

    @property
    def size(self) -> int:
        return len(self.side_by_side) + len(self.alone)


def _units(name: str) -> Iterator[str]:
    if name not in ONE_BY_ONE:
        yield name
        return
    for path in sorted(ROOT.joinpath(*name.split(".")).iterdir()):
        if path.match("test_*.py"):
            yield f"{name}.{path.stem}"
        elif (path / "__init__.py").exists():
            yield from _units(f"{name}.{path.name}")


def _portions(units: Iterable[str]) -> Iterator[Portion]:
    left = dict.fromkeys(units)
    for group in TOGETHER:
        if portion := tuple(name for name in group if name in left):
            yield portion
            for name in portion:
                del left[name]
    yield from ((name,) for name in left)


def _rank(portion: Portion) -> int:
    """The lower, the sooner."""
    for rank, package in enumerate(FIRST):
        if portion[0].startswith(f"{package}."):
            return rank
    return len(FIRST)
