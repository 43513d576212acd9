"""What of the tests one process runs, and in which order.

A portion is a tuple of names as trial takes them.
"""

from collections.abc import Iterable, Iterator
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


def portions(names: Iterable[str]) -> list[Portion]:
    """What takes longest comes first.

    :param names: of packages, modules, classes or tests.
    """
    units = dict.fromkeys(unit for name in names for unit in _units(name))
    return sorted(_joined(units), key=_rank)


def _units(name: str) -> Iterator[str]:
    if name not in ONE_BY_ONE:
        yield name
        return
    for path in sorted(ROOT.joinpath(*name.split(".")).iterdir()):
        if path.match("test_*.py"):
            yield f"{name}.{path.stem}"
        elif (path / "__init__.py").exists():
            yield from _units(f"{name}.{path.name}")


def _joined(units: Iterable[str]) -> Iterator[Portion]:
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
