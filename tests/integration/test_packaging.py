"""What is built here can be installed elsewhere, and runs there.

One wheel is built and installed, with all that it depends on, into an empty
virtual environment, which takes about half a minute; the tests share both.
"""

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from piecesd import __version__
from piecesd.config import SETTINGS
from tests.integration.daemon import Daemon
from tests.integration.web import get

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
    """Removed when the process ends."""
    return TemporaryDirectory(prefix="piecesd-packaging-")


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


class BuildTests(SynchronousTestCase):
    def test_the_wheel_holds_all_that_runs_and_nothing_else(self) -> None:
        names = built().wheel_names()
        record = f"piecesd-{__version__}.dist-info"
        self.assertEqual({name.partition("/")[0] for name in names}, {"piecesd", "twisted", record})
        self.assertEqual(
            {name for name in names if name.startswith("twisted/")},
            {"twisted/plugins/pieces_plugin.py"},
        )
        data = {
            "piecesd/_build.json",
            "piecesd/_pb/gpt_pb2.py",
            "piecesd/_pb/vertex_pb2_grpc.py",
            "piecesd/catalog.json",
            "piecesd/py.typed",
            "piecesd/tokens/vocab/cl100k_base.tiktoken.xz",
            "piecesd/tokens/vocab/claude.json.xz",
            "piecesd/tokens/vocab/o200k_base.tiktoken.xz",
            f"{record}/licenses/LICENSE",
        }
        self.assertEqual(data - names, set())

    def test_the_sdist_holds_every_file_of_the_repository(self) -> None:
        tracked = set(git("ls-files").splitlines())
        self.assertEqual(tracked - built().sdist_names(), set())

    def test_nothing_that_came_about_by_running_is_built_in(self) -> None:
        leftovers = re.compile(r"dropin\.cache|__pycache__|\.pyc$|_trial_temp|\.venv|(^|/)\.env$")
        for names in (built().wheel_names(), built().sdist_names()):
            self.assertEqual(list(filter(leftovers.search, names)), [])

    def test_builds_of_one_source_date_are_the_same_to_the_byte(self) -> None:
        """Also of a wheel made from the tree, and of one made from the sdist."""
        again = build("again", "--sdist", "--wheel")
        self.assertEqual(again.sdist.read_bytes(), built().sdist.read_bytes())
        self.assertEqual(again.wheel.read_bytes(), built().wheel.read_bytes())

    def test_the_wheel_says_when_and_of_which_commit_it_was_built(self) -> None:
        with zipfile.ZipFile(built().wheel) as archive:
            record = json.loads(archive.read("piecesd/_build.json"))
        commit = git("rev-parse", "HEAD")[:12]
        self.assertEqual(record, {"time": BUILT_AT, "commit": commit})

    def test_an_editable_install_copies_no_code(self) -> None:
        """A copy of the plugin would win over the one that is edited."""
        here = distribution("piecesd")
        if '"editable": true' not in (here.read_text("direct_url.json") or ""):
            raise SkipTest("not an editable install")
        self.assertEqual([str(file) for file in here.files or () if file.suffix == ".py"], [])


class InstalledTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bin = installed()
        self.cwd = Path(self.mktemp())
        self.cwd.mkdir()

    def run_installed(self, program: str, *arguments: str) -> str:
        return run(str(self.bin / program), *arguments, cwd=self.cwd)

    def test_twistd_lists_both_daemons(self) -> None:
        text = self.run_installed("twistd", "--help")
        self.assertRegex(text, r"(?m)^ +pieces +\S")
        self.assertRegex(text, r"(?m)^ +pieces-upstream +\S")

    def test_help_shows_every_setting_with_its_environment_name_and_default(self) -> None:
        for command in (["twistd", "pieces", "--help"], ["piecesd", "--help"]):
            text = " ".join(self.run_installed(*command).split())
            for setting in SETTINGS:
                self.assertIn(f" --{setting.option}", text)
                self.assertIn(f"[{setting.name}, default: {setting.default or 'empty'}]", text)

    def test_every_way_to_ask_for_the_version_gives_the_build_record(self) -> None:
        for command in (
            ["twistd", "pieces", "--version"],
            ["piecesd", "--version"],
            ["python", "-m", "piecesd", "--version"],
        ):
            text = self.run_installed(*command)
            self.assertRegex(
                text, rf"^piecesd {re.escape(__version__)} \(built {BUILT_AT}, commit \w+\)\n$"
            )

    def assert_serves(self, program: str, *arguments: str, **environment: str) -> None:
        process = subprocess.Popen(
            [self.bin / program, *arguments],
            cwd=self.cwd,
            env=clean_environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        daemon = Daemon(process, self.cwd, listening=r"Listening on http:[^ ]*:(\d+)/")
        self.addCleanup(daemon.end, self)
        self.assertEqual(get(daemon.port, "/ping").body, b"pong")

    def test_twistd_serves(self) -> None:
        self.assert_serves("twistd", "--nodaemon", "--pidfile=", "pieces", "--port", "0")

    def test_the_console_script_serves(self) -> None:
        self.assert_serves("piecesd", "--port", "0")

    def test_the_tac_file_serves_what_the_environment_says(self) -> None:
        self.assert_serves("twistd", "--pidfile=", "-ny", str(REPO / "piecesd.tac"), PORT="0")
