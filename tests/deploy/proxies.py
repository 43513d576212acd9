"""Real reverse proxies in child processes, with the files of deploy/ as they are
but for ports, paths and names."""

import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import write_certificate
from tests.integration.daemon import PATIENCE_SECONDS, run_directory

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def adapted(name: str, changes: Mapping[str, str]) -> str:
    """The text of a file of deploy/ with ``changes`` made, each of which finds
    something to change."""
    text = (DEPLOY / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} has no {old}"
        text = text.replace(old, new)
    return text


def moved(daemon_port: int, directory: Path) -> dict[str, str]:
    """The changes that all files need: where piecesd is, and the certificate."""
    return {
        "127.0.0.1:8787": f"127.0.0.1:{daemon_port}",
        "/etc/ssl/piecesd": str(directory),
    }


class Proxy:
    """A proxy that listens with TLS at ``port``. It ends with the test, which it
    does not do in disorder.

    ``directory`` is its own, with ``certificate.pem``, ``key.pem`` and both in
    ``both.pem``.
    """

    def __init__(self, test: SynchronousTestCase) -> None:
        self.port = free_port()
        self.directory = run_directory(test)
        key, certificate = self.directory / "key.pem", self.directory / "certificate.pem"
        write_certificate(key, certificate, "localhost")
        both = certificate.read_text() + key.read_text()
        (self.directory / "both.pem").write_text(both)
        self._test = test

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text)
        return path

    def run(self, *command: str, start_seconds: float = PATIENCE_SECONDS) -> None:
        """Start it, and wait until it listens."""
        log = (self.directory / "console").open("wb")
        self._test.addCleanup(log.close)
        process = subprocess.Popen(
            command,
            cwd=self.directory,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.directory)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        self._test.addCleanup(self._end, process)
        deadline = time.monotonic() + start_seconds
        while not self._listens():
            assert process.poll() is None and time.monotonic() < deadline, self.console
            time.sleep(0.02)

    @property
    def console(self) -> str:
        """What it has printed."""
        return (self.directory / "console").read_text()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def run_nginx(proxy: Proxy, text: str) -> None:
    """Run nginx with ``text`` as the whole of its file."""
    path = proxy.write("nginx.conf", text)
    # Its workers may stay root: who else would be there differs by the system.
    directives = f"daemon off; user root; error_log {proxy.directory}/error.log warn;"
    proxy.run("nginx", "-p", str(proxy.directory), "-c", str(path.absolute()), "-g", directives)


def http_block(proxy: Proxy, *included: str) -> str:
    """What an ``nginx.conf`` has around a file of its ``conf.d``."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    lines: Sequence[str] = [
        "events {}",
        f"pid {proxy.directory}/pid;",
        "http {",
        "access_log off;",
        *(f"{kind}_temp_path {proxy.directory}/{kind};" for kind in kinds),
        *included,
        "}",
    ]
    return "\n".join(lines)
