"""One wheel of this tree, and an environment it is installed in, for tests to share.

Building takes seconds, and installing it with all that it depends on half a
minute.
"""

import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import SkipTest

from piecesd.config import SETTINGS

REPO = Path(__file__).parent.parent.parent

BUILT_AT_SECONDS = 1_700_000_000
BUILT_AT = "2023-11-14T22:13:20Z"


def clean_environment(**extra: str) -> dict[str, str]:
    """This process's own, without settings of piecesd."""
    names = {setting.name for setting in SETTINGS} | {"PYTHONPATH"}
    return {name: value for name, value in os.environ.items() if name not in names} | extra


def run(*command: str, cwd: Path, **environment: str) -> str:
    """The standard output of a command that has to succeed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=clean_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise AssertionError(f"{command} exited with {done.returncode}:\n{done.stdout}")
    return done.stdout


def git(*arguments: str) -> str:
    """:raises SkipTest: this is no checkout."""
    if not (REPO / ".git").exists():
        raise SkipTest("not a git checkout")
    return run("git", *arguments, cwd=REPO)


@cache
def scratch() -> TemporaryDirectory[str]:
    """Removed when the process ends. Other users can read it."""
    directory = TemporaryDirectory(prefix="piecesd-packaging-")
    Path(directory.name).chmod(0o755)
    return directory


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    wheel: Path
    sdist: Path

    def wheel_names(self) -> set[str]:
        with zipfile.ZipFile(self.wheel) as archive:
            return set(archive.namelist())

    def sdist_names(self) -> set[str]:
        """Without the directory that all of them are in."""
        with tarfile.open(self.sdist) as archive:
            return {name.partition("/")[2] for name in archive.getnames()}


def build(name: str, *options: str) -> Built:
    directory = Path(scratch().name, name)
    pep517 = [sys.executable, "-m", "build", "--no-isolation", *options]
    epoch = str(BUILT_AT_SECONDS)
    run(*pep517, "--outdir", str(directory), ".", cwd=REPO, SOURCE_DATE_EPOCH=epoch)
    (wheel,) = directory.glob("*.whl")
    (sdist,) = directory.glob("*.tar.gz")
    return Built(wheel=wheel, sdist=sdist)


@cache
def built() -> Built:
    """An sdist, and a wheel made of what that sdist holds."""
    return build("built")


@cache
def installed() -> Path:
    """The ``bin`` directory of a virtual environment that holds the wheel."""
    directory = Path(scratch().name, "environment")
    run(sys.executable, "-m", "venv", str(directory), cwd=REPO)
    pip = [f"{directory}/bin/python", "-m", "pip", "install", "--quiet"]
    run(*pip, "--constraint", "constraints.txt", str(built().wheel), cwd=REPO)
    return directory / "bin"
