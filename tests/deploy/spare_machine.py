"""This machine once more, to install piecesd on and to throw away.

A container by systemd-nspawn: files, users, processes and network are its own,
and nothing of what is done there is left here. What it starts with are this
machine's files, and piecesd in /opt/piecesd, as docs/deploy/ has it installed.
"""

import atexit
import os
import shlex
import subprocess
import sys
import sysconfig
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import SkipTest

from tests.pages import Page

ROOT = Path(__file__).resolve().parents[2]

PREFIX = "/opt/piecesd"
_PYTHON = "/opt/python"
_LIBRARIES = "/opt/libraries"
_SCRIPTS = "/opt/scripts"
_WHEELS = "/opt/wheels-of-piecesd"
_CHECKOUT = "/opt/checkout"

START_SECONDS = 60
COMMAND_SECONDS = 120

Done = subprocess.CompletedProcess[str]


@cache
def _wheels() -> TemporaryDirectory[str]:
    """Where piecesd's wheel is. Removed when the process ends."""
    directory = TemporaryDirectory(prefix="piecesd-wheel-")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel"]
    subprocess.run(
        [*command, "--outdir", directory.name, str(ROOT)],
        check=True,
        cwd=directory.name,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return directory


def spare_machine(*, boots: bool) -> "SpareMachine":
    """The one that tests share, thrown away when the process ends.

    :raises SkipTest: this machine can't have one; says why.
    """
    machine = _machine(boots=boots)
    if isinstance(machine, SkipTest):
        raise machine
    return machine


@cache
def _machine(*, boots: bool) -> "SpareMachine | SkipTest":
    try:
        machine = SpareMachine(boots=boots)
    except SkipTest as reason:
        return reason
    atexit.register(machine.throw_away)
    return machine


class SpareMachine:
    """:param boots: whether systemd runs there, as it would on a machine that was
    switched on; else nothing does.
    :raises SkipTest: this machine can't have one; says why.
    """

    def __init__(self, *, boots: bool) -> None:
        self._directory = TemporaryDirectory(prefix="piecesd-spare-")
        self._groups_before = _groups()
        self._name = f"piecesd-test-{os.getpid()}-{'booted' if boots else 'bare'}"
        shared = {
            sys.base_prefix: _PYTHON,
            sysconfig.get_path("platlib"): _LIBRARIES,
            sysconfig.get_path("scripts"): _SCRIPTS,
            _wheels().name: _WHEELS,
            str(ROOT): _CHECKOUT,
        }
        script = Path(__file__).with_name("spare_machine.sh")
        # Over this directory the machine's own is mounted, but only where it sees it.
        self._console = Path(self._directory.name, "console")
        with self._console.open("w") as console:
            self._process = subprocess.Popen(
                [
                    *("unshare", "--mount", "--propagation", "private"),
                    *("sh", str(script), self._directory.name, f"--machine={self._name}"),
                    *(f"--bind-ro={here}:{there}" for here, there in shared.items()),
                    *(["--boot"] if boots else ["--as-pid2", "sleep", "infinity"]),
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        try:
            self._first_pid = self._await_first_process()
            if boots:
                self._await_boot()
            self._install()
        except BaseException:
            self.throw_away()
            raise

    def run(self, command: str, *, seconds: float = COMMAND_SECONDS) -> Done:
        """What a shell there makes of ``command``, in an environment without
        anything of this process's."""
        return self._run_below(self._first_pid, command, seconds=seconds)

    def _run_below(self, pid: int, command: str, *, seconds: float = COMMAND_SECONDS) -> Done:
        """Nothing is done in case that ``pid`` is a process of this machine."""
        inside = ["nsenter", "--target", str(pid), "--all"]
        environment = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        checked = f"test -e /etc/spare-machine || exit 125; cd /; {command}"
        return subprocess.run(
            [*inside, "env", "-i", environment, "LC_ALL=C.UTF-8", "sh", "-c", checked],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
        )

    def do(self, command: str) -> str:
        """The output of a ``command`` that has to succeed."""
        done = self.run(command)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """Make a file there."""
        self.do(f"printf %s {shlex.quote(text)} > {path} && chmod {mode:o} {path}")

    def follow(self, page_name: str) -> None:
        """Do what a page of docs/deploy/ tells in blocks that are ``runnable``."""
        steps = [each for each in Page(ROOT / "docs/deploy" / page_name).blocks if each.purpose]
        assert steps, f"nothing to do in {page_name}"
        for step in steps:
            assert step.purpose == "runnable", step
            self.do(f"cd {_CHECKOUT}; set -e; {step.text}")

    def throw_away(self) -> None:
        """End it, and what it has left: nothing of its files, but of what the
        kernel and systemd-nspawn keep of it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for group in sorted(_groups() - self._groups_before, reverse=True):
            group.rmdir()
        for kept in Path("/run/systemd/nspawn").glob(f"*/{self._name}"):
            kept.rmdir() if kept.is_dir() else kept.unlink()
        self._directory.cleanup()

    def _await_first_process(self) -> int:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise SkipTest(f"no container here: {self._console.read_text().strip()}")
            for pid in _children(self._process.pid):
                if self._run_below(pid, "true").returncode == 0:
                    return pid
            time.sleep(0.1)
        raise SkipTest("no container here: it does not come to be")

    def _await_boot(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.run("systemctl is-system-running").stdout.strip() not in (
            "running",
            "degraded",
        ):
            if time.monotonic() > deadline:
                raise SkipTest("no systemd here: it does not come to an end of its start")
            time.sleep(0.2)

    def _install(self) -> None:
        """As docs/deploy/ says, from the wheel, with this Python and these libraries."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        bin_directory = f"{PREFIX}/bin"
        for command in (
            f"echo {_PYTHON}/lib > /etc/ld.so.conf.d/piecesd-test.conf",
            "ldconfig",
            f"{_PYTHON}/bin/{version} -m venv --without-pip {PREFIX}",
            f"echo {_LIBRARIES} > {PREFIX}/lib/{version}/site-packages/libraries.pth",
            f"{bin_directory}/python -m pip install --quiet --no-index --no-deps "
            f"--force-reinstall --root-user-action=ignore {_WHEELS}/*.whl",
            # Twisted's own would have come with it.
            f"sed '1s|.*|#!{bin_directory}/python|' {_SCRIPTS}/twistd > {bin_directory}/twistd",
            f"chmod 755 {bin_directory}/twistd",
        ):
            self.do(command)


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(each) for each in (task / "children").read_text().split()]
    return found


def _groups() -> set[Path]:
    """The control groups that systemd-nspawn makes beside its own."""
    top = Path("/sys/fs/cgroup")
    return {
        each
        for name in ("payload", "supervisor")
        for group in (*top.glob(name), *top.glob(f"*/{name}"))
        for each in (group, *(Path(path) for path, _, _ in os.walk(group)))
    }
