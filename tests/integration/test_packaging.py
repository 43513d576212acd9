"""What is built here can be installed elsewhere, and runs there."""

import json
import re
import subprocess
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from piecesd import __version__
from piecesd.config import SETTINGS
from piecesd.manual.documents import DOCUMENTS
from tests.integration.daemon import Daemon
from tests.integration.packages import (
    BUILT_AT,
    REPO,
    build,
    built,
    clean_environment,
    git,
    installed,
    run,
)
from tests.integration.web import get


class BuildTests(SynchronousTestCase):
    def test_the_wheel_holds_all_that_runs_and_nothing_else(self) -> None:
        names = built().wheel_names()
        record = f"piecesd-{__version__}.dist-info"
        shared = f"piecesd-{__version__}.data"
        self.assertEqual(
            {name.partition("/")[0] for name in names}, {"piecesd", "twisted", record, shared}
        )
        self.assertEqual(
            {name for name in names if name.startswith(shared)},
            {f"{shared}/data/{name}" for name in DOCUMENTS},
        )
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
            "piecesd/web/page.css",
            "piecesd/web/page.html",
            "piecesd/web/start.js",
            "piecesd/web/texts.json",
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
