"""A host that looks to deploy/freebsd/ like FreeBSD, for tests to run it on.

The rc script runs under a POSIX shell with a stand-in for rc.subr
(`rc_subr.sh`); the daemon that it starts, the signals and the files are real.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from grp import getgrgid
from pathlib import Path
from pwd import getpwuid
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import ROOT, START_SECONDS, STOP_SECONDS, eventually

PORT = ROOT / "deploy/freebsd/port"
FILES = PORT / "files"

_COMMAND = f"""\
#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from piecesd.__main__ import main
main()
"""


def substituted(name: str, prefix: str, python: str) -> str:
    """``files/name.in`` as the ports tree would install it."""
    text = (FILES / f"{name}.in").read_text(encoding="utf-8")
    return text.replace("%%PREFIX%%", prefix).replace("%%PYTHON_CMD%%", python)


class Host:
    """A prefix with piecesd in it, an rc.conf, and places for what it writes."""

    def __init__(self, test: SynchronousTestCase, shell: Sequence[str]) -> None:
        directory = TemporaryDirectory(prefix="piecesd-freebsd-")
        test.addCleanup(directory.cleanup)
        self._shell = shell
        self.root = Path(directory.name)
        self.prefix = self.root / "local"
        self.rc_conf = self.root / "rc.conf"
        self.script = self.prefix / "etc/rc.d/piecesd"
        self.env_file = self.prefix / "etc/piecesd.env"
        self.pid_file = self.root / "run/piecesd.pid"
        self.log_file = self.root / "log/piecesd.log"
        self._install()
        self.configure(piecesd_enable="YES")
        self.set(PORT="0", LOG_FILE=str(self.log_file))
        test.addCleanup(self._end)

    def _install(self) -> None:
        self.script.parent.mkdir(parents=True)
        script = substituted("piecesd", str(self.prefix), sys.executable)
        library = str(Path(__file__).parent / "rc_subr.sh")
        self.script.write_text(script.replace(". /etc/rc.subr", f". {library}"))
        command = self.prefix / "bin/piecesd"
        command.parent.mkdir()
        command.write_text(_COMMAND)
        command.chmod(0o755)

    def configure(self, **variables: str) -> None:
        """Write rc.conf: ``variables``, and what keeps it all in here."""
        here = {
            "piecesd_user": getpwuid(os.geteuid()).pw_name,
            "piecesd_group": getgrgid(os.getegid()).gr_name,
            "piecesd_rundir": str(self.root / "run"),
            "piecesd_logdir": str(self.root / "log"),
            "piecesd_chdir": str(self.root / "db"),
        }
        lines = [f"{name}='{value}'\n" for name, value in (here | variables).items()]
        self.rc_conf.write_text("".join(lines))

    def set(self, **settings: str) -> None:
        """Write the file of settings."""
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        self.env_file.write_text("".join(lines))

    def service(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``service piecesd arguments``."""
        return subprocess.run(
            [*self._shell, self.script, *arguments],
            env={"PATH": os.environ["PATH"], "RC_CONF": str(self.rc_conf)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS + STOP_SECONDS,
        )

    @property
    def pid(self) -> int:
        return int(self.pid_file.read_text())

    def log_has(self, text: str) -> bool:
        """Whether it comes to be in the log."""
        return eventually(lambda: self.log_file.exists() and text in self.log_file.read_text())

    def _end(self) -> None:
        self.service("onestop")
