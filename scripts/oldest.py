"""The oldest versions that pyproject.toml allows, for pip's ``--constraint``.

``python -m scripts.oldest``, from the top of the repository, prints them.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

OF_THEIR_TIME = ("pyopenssl<26",)
"""What the oldest Twisted can't do with: pyOpenSSL 26 refuses what it does to a
TLS context that is in use, and Twisted has no upper bound for it."""

_LOWER_BOUND = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9.]+)")


def constraints(dependencies: Iterable[str]) -> Iterator[str]:
    """One for each dependency, such as ``klein==24.8`` for ``klein>=24.8``.

    :raises ValueError: a dependency has no lower bound in front.
    """
    for dependency in dependencies:
        match = _LOWER_BOUND.match(dependency)
        if match is None:
            raise ValueError(f"{dependency!r} has no lower bound")
        yield f"{match[1]}=={match[2]}"
    yield from OF_THEIR_TIME


def main() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    print("\n".join(constraints(project["dependencies"])))  # noqa: T201


if __name__ == "__main__":
    main()
