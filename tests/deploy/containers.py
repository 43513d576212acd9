"""Images and containers without a container engine, for tests that are root.

The base is Debian by debootstrap, in the place of ``python:3.x-slim``, which
needs a registry. buildah builds the Dockerfile on it, without isolation of its
own, and runc runs what came out, with the limits that a compose file names.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.integration.daemon import ROOT

RELEASE = "bookworm"
BASE = "localhost/debian-python"
IMAGE = "localhost/piecesd"

_PATIENCE_SECONDS = 600.0
_START_SECONDS = 60.0
_NOT_NEEDED = ("var/cache/apt", "var/lib/apt", "usr/share/doc", "usr/share/locale", "usr/share/man")
_OF_PIP = ("index-url", "extra-index-url", "trusted-host", "proxy", "cert", "timeout")
"""What of this machine's pip concerns the network."""

_AUTHORITIES = "/etc/ssl/certs"
_SETS_OF_CAPABILITIES = ("bounding", "effective", "inheritable", "permitted", "ambient")
_CPU_PERIOD_MICROSECONDS = 100_000
_SIZES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def run(*command: str | Path, environment: Mapping[str, str] | None = None) -> str:
    """The standard output of a command that has to succeed."""
    done = subprocess.run(
        [str(part) for part in command],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """What the Dockerfile says of how it is run, and where its files are."""

    root: Path
    configuration: Mapping[str, Any]

    @property
    def environment(self) -> dict[str, str]:
        return dict(text.split("=", 1) for text in self.configuration["Env"])

    @property
    def user(self) -> tuple[int, int]:
        """Numbers, or this fails."""
        user, _, group = self.configuration["User"].partition(":")
        return int(user), int(group)


class Store:
    """Images, in a directory of their own, which `remove` leaves no trace of."""

    def __init__(self) -> None:
        self.directory = Path(mkdtemp(prefix="piecesd-images-"))
        self._driver = "overlay"
        try:
            self._buildah("info")
        except AssertionError:  # where the directory is itself on an overlay
            self._driver = "vfs"

    def remove(self) -> None:
        self._buildah("rm", "--all")
        self._buildah("rmi", "--all", "--force")
        shutil.rmtree(self.directory)

    def _buildah(self, *arguments: str | Path) -> str:
        places: list[str | Path] = [
            "--root",
            self.directory / "root",
            "--runroot",
            self.directory / "run",
        ]
        return run("buildah", *places, "--storage-driver", self._driver, *arguments)

    def make_base(self) -> None:
        """Debian with Python, and no more than that needs."""
        container = self._buildah("from", "--pull-never", "scratch").strip()
        root = Path(self._buildah("mount", container).strip())
        packages = "python3,python3-venv,ca-certificates"
        options = ["--variant=minbase", f"--include={packages}"]
        run("debootstrap", *options, RELEASE, root, environment=_unhurried())
        for name in _NOT_NEEDED:
            shutil.rmtree(root / name)
        self._buildah("commit", "--quiet", "--rm", container, BASE)

    def build(self, **arguments: str) -> Image:
        """Build the Dockerfile on the base with these build arguments. pip asks
        the registry that it asks on this machine."""
        pip_conf = self.directory / "pip.conf"
        pip_conf.write_text(_pip_conf())
        self._buildah(
            "bud",
            *("--isolation", "chroot", "--pull-never", "--format", "docker", "--layers=false"),
            *("--volume", f"{_AUTHORITIES}:{_AUTHORITIES}:ro"),
            *("--secret", f"id=pip.conf,src={pip_conf}"),
            *(f"--build-arg={name}={value}" for name, value in {"BASE": BASE, **arguments}.items()),
            *("--tag", IMAGE, str(ROOT)),
        )
        described = json.loads(self._buildah("inspect", "--type", "image", IMAGE))
        container = self._buildah("from", "--pull-never", IMAGE).strip()
        root = Path(self._buildah("mount", container).strip())
        return Image(root=root, configuration=described["Docker"]["config"])


def _unhurried() -> dict[str, str]:
    return {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}


def _pip_conf() -> str:
    """A pip.conf of what this machine's files and environment say to pip."""
    lines = ["[global]"]
    for line in run("python3", "-m", "pip", "config", "list").splitlines():
        name, _, value = line.partition("=")
        option = name.rpartition(".")[2]
        if option in _OF_PIP:
            lines.append(f"{option} = {value.strip(chr(39))}")
    return "\n".join(dict.fromkeys(lines)) + "\n"


def bytes_of(text: str) -> int:
    """A size as compose files have it, such as 64m."""
    return int(text[:-1]) * _SIZES[text[-1].lower()]


@dataclass(frozen=True, kw_only=True, slots=True)
class Confinement:
    """How a service of a compose file is to be confined.

    ``tmpfs`` and ``volumes``: options, or where it is, by path inside.
    """

    read_only: bool
    tmpfs: Mapping[str, Sequence[str]]
    volumes: Mapping[str, Path]
    capabilities: Sequence[str]
    no_new_privileges: bool
    resources: Mapping[str, Any]
    grace_seconds: float

    @classmethod
    def of(cls, service: Mapping[str, Any], volumes: Mapping[str, Path]) -> "Confinement":
        """Read the service. All capabilities are dropped, or this fails.

        :param volumes: directories of this machine, by the names of its volumes.
        """
        assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
        tmpfs = dict(entry.split(":", 1) for entry in service["tmpfs"])
        mounted = dict(reversed(entry.split(":")) for entry in service["volumes"])
        resources = service["deploy"]["resources"]
        limits, reserved = resources["limits"], resources["reservations"]
        return cls(
            read_only=service["read_only"],
            tmpfs={path: options.split(",") for path, options in tmpfs.items()},
            volumes={path: volumes[name] for path, name in mounted.items()},
            capabilities=(),
            no_new_privileges="no-new-privileges:true" in service["security_opt"],
            resources={
                "memory": {
                    "limit": bytes_of(limits["memory"]),
                    "reservation": bytes_of(reserved["memory"]),
                },
                "cpu": {
                    "period": _CPU_PERIOD_MICROSECONDS,
                    "quota": int(float(limits["cpus"]) * _CPU_PERIOD_MICROSECONDS),
                    "shares": int(float(reserved["cpus"]) * 1024),
                },
            },
            grace_seconds=float(service["stop_grace_period"].removesuffix("s")),
        )


def bundle(
    image: Image, arguments: Sequence[str], settings: Mapping[str, str], confinement: Confinement
) -> dict[str, Any]:
    """The config.json of the OCI's runtime specification. The network is this
    machine's; all else is the container's own."""
    user, group = image.user
    environment = image.environment | dict(settings)
    return {
        "ociVersion": "1.0.2",
        "hostname": "piecesd",
        "root": {"path": str(image.root), "readonly": confinement.read_only},
        "process": {
            "user": {"uid": user, "gid": group},
            "args": list(arguments),
            "env": [f"{name}={value}" for name, value in environment.items()],
            "cwd": image.configuration["WorkingDir"],
            "capabilities": dict.fromkeys(_SETS_OF_CAPABILITIES, confinement.capabilities),
            "noNewPrivileges": confinement.no_new_privileges,
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=64k"],
            },
            *(
                {"destination": path, "type": "tmpfs", "source": "tmpfs", "options": options}
                for path, options in confinement.tmpfs.items()
            ),
            *(
                {"destination": path, "type": "bind", "source": str(place), "options": ["bind"]}
                for path, place in confinement.volumes.items()
            ),
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")],
            "resources": confinement.resources,
        },
    }


class Container:
    """A container that runs. ``console`` is what it prints."""

    def __init__(self, directory: Path, name: str, configuration: Mapping[str, Any]) -> None:
        self._name = name
        self._state = directory / "runc"
        (directory / "config.json").write_text(json.dumps(configuration))
        self._console = directory / "console"
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                [*self._runc("run"), "--bundle", str(directory), name],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )

    def _runc(self, *arguments: str) -> list[str]:
        return ["runc", "--root", str(self._state), *arguments]

    @property
    def console(self) -> str:
        return self._console.read_text()

    @property
    def pid(self) -> int:
        """Of its process 1, as this machine numbers it."""
        state = json.loads(run(*self._runc("state", self._name)))
        return int(state["pid"])

    def limits(self) -> tuple[float, int]:
        """How many cores and how many bytes the system lets it have."""
        text = Path("/proc", str(self.pid), "cgroup").read_text()
        paths = {
            controller: path
            for _, controllers, path in (line.split(":", 2) for line in text.splitlines())
            for controller in controllers.split(",")
        }
        groups = Path("/sys/fs/cgroup")
        if "cpu" in paths:  # version 1 of control groups, a tree for each controller
            cpu = groups / "cpu" / paths["cpu"].lstrip("/")
            quota, period = (
                int((cpu / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period")
            )
            memory = groups / "memory" / paths["memory"].lstrip("/") / "memory.limit_in_bytes"
        else:
            group = groups / paths[""].lstrip("/")
            quota, period = map(int, (group / "cpu.max").read_text().split())
            memory = group / "memory.max"
        return quota / period, int(memory.read_text())

    def execute(self, *command: str) -> tuple[int, str]:
        """Run a command inside; its exit status, and what it prints."""
        done = subprocess.run(
            [*self._runc("exec", self._name), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_START_SECONDS,
        )
        return done.returncode, done.stdout

    def await_success(self, *command: str) -> str:
        """Repeat a command inside until it succeeds; what it prints then."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            assert self._process.poll() is None, self.console
            status, printed = self.execute(*command)
            if status == 0:
                return printed
            assert time.monotonic() < deadline, printed + self.console
            time.sleep(0.5)

    def signal(self, number: signal.Signals) -> None:
        run(*self._runc("kill", self._name, str(number.value)))

    def wait(self, seconds: float) -> int:
        """Its exit status.

        :raises TimeoutExpired: it goes on.
        """
        return self._process.wait(seconds)

    def remove(self) -> None:
        """End it, however it is."""
        subprocess.run(
            self._runc("delete", "--force", self._name), capture_output=True, check=False
        )
        self._process.wait(_START_SECONDS)
