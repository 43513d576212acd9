"""What pip and pipx install, where nobody may write to it, and what comes with it."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import which
from unittest import SkipTest, skipIf

from twisted.trial.unittest import SynchronousTestCase

from piecesd.manual.documents import DOCUMENTS
from tests.deploy import missing
from tests.integration.daemon import Daemon
from tests.integration.packages import REPO, built, clean_environment, installed, run

_CANNOT_WRITE = "Unable to write to plugin cache"

# In a mount namespace of its own, which ends with the process.
_READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'


def plugin_caches() -> list[Path]:
    return list(installed().parent.rglob("dropin.cache"))


class ReadOnlyTests(SynchronousTestCase):
    """Root, whom permissions do not stop, gets a file system that is read-only."""

    def setUp(self) -> None:
        for cache in plugin_caches():
            cache.unlink()
        self.environment = installed().parent
        self.prefix: list[str] = []
        if os.geteuid() != 0:
            self.set_modes(0o555)
            self.addCleanup(self.set_modes, 0o755)
            return
        if which("unshare") is None:
            raise SkipTest("no unshare here")
        self.prefix = ["unshare", "--mount", "sh", "-c", _READ_ONLY, str(self.environment)]
        probe = subprocess.run([*self.prefix, "true"], capture_output=True, text=True)
        if probe.returncode:
            raise SkipTest(f"nothing can be mounted here: {probe.stderr}")

    def set_modes(self, mode: int) -> None:
        for path in self.environment.rglob("twisted/plugins"):
            path.chmod(mode)

    def lines_of_start(self, *command: str) -> list[str]:
        """What a daemon prints until it listens, and when it is told to stop."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        process = subprocess.Popen(
            [*self.prefix, str(installed() / command[0]), *command[1:]],
            cwd=directory,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        daemon = Daemon(process, directory, listening=r"Listening on http:[^ ]*:(\d+)/")
        daemon.end(self)
        return daemon.lines

    def assert_silent(self, lines: list[str]) -> None:
        self.assertEqual([line for line in lines if _CANNOT_WRITE in line], [])

    def test_the_command_has_no_cache_to_write(self) -> None:
        self.assert_silent(self.lines_of_start("piecesd", "--port", "0"))
        self.assert_silent(self.lines_of_start("piecesd", "--port", "0", "--workers", "2"))
        self.assertEqual(plugin_caches(), [])

    def test_twistd_says_so_until_its_owner_has_had_it_written_once(self) -> None:
        command = ("twistd", "--nodaemon", "--pidfile=", "pieces", "--port", "0")
        lines = self.lines_of_start(*command)
        self.assertTrue([line for line in lines if _CANNOT_WRITE in line], lines)
        self.set_modes(0o755)
        run(str(installed() / "twistd"), "--help", cwd=self.environment)
        self.set_modes(0o555)
        self.assert_silent(self.lines_of_start(*command))


class InstalledTests(SynchronousTestCase):
    @skipIf(which("man") is None, "no man here")
    def test_man_finds_the_page_of_an_environment_on_the_path(self) -> None:
        path = f"{installed()}:{os.environ['PATH']}"
        found = run("man", "-w", "pieces", cwd=REPO, PATH=path, MANPATH="").strip()
        self.assertEqual(Path(found).parent, installed().parent / "share/man/man8")

    def test_everything_is_where_shells_look(self) -> None:
        for name in DOCUMENTS:
            self.assertTrue((installed().parent / name).is_file(), name)


reason = missing()


@skipIf(reason, reason)
class PipxTests(SynchronousTestCase):
    def test_pipx_installs_the_command_and_its_page(self) -> None:
        directory = Path(self.mktemp()).absolute()
        run(sys.executable, "-m", "venv", str(directory), cwd=REPO)
        run(str(directory / "bin/pip"), "install", "--quiet", "pipx", cwd=REPO)
        run(
            str(directory / "bin/pipx"),
            "install",
            f"--pip-args=--constraint={REPO}/constraints.txt",
            str(built().wheel),
            cwd=directory,
            PIPX_HOME=str(directory / "home"),
            PIPX_BIN_DIR=str(directory / "programs"),
            PIPX_MAN_DIR=str(directory / "man"),
        )
        version = run(str(directory / "programs/piecesd"), "--version", cwd=directory)
        self.assertRegex(version, r"^piecesd \d")
        self.assertTrue((directory / "man/man8/pieces.8").exists())
