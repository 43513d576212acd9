"""Endpoints of real daemons, and clients of theirs of each kind."""

import re
import shutil
import socket
import ssl
import tempfile
from pathlib import Path
from typing import Any

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import Daemon, run_directory, start_in, twistd

TCP = "tcp:0:interface=127.0.0.1"
PING = b"GET /ping HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
MODELS = PING.replace(b"/ping", b"/v1/models")
WAIT_SECONDS = 10


def answer(connection: socket.socket, request: bytes = PING) -> bytes:
    """All that comes in answer to ``request``, to the end of the connection."""
    connection.sendall(request)
    received = b""
    while data := connection.recv(65536):
        received += data
    return received


def to_tcp(port: int, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, port), WAIT_SECONDS)


def to_unix(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(WAIT_SECONDS)
    connection.connect(str(path))
    return connection


def to_tls(port: int) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(to_tcp(port), server_hostname="localhost")


def name_of(connection: ssl.SSLSocket) -> Any:
    """The common name in the server's certificate."""
    der = connection.getpeercert(binary_form=True)
    assert der is not None
    (attribute,) = x509.load_der_x509_certificate(der).subject
    return attribute.value


class ListeningCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = run_directory(self)
        # Trial's directories are too long for the path of a socket.
        short_directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, short_directory)
        self.path = Path(short_directory, "socket")

    def start(self, *endpoints: str, **settings: str) -> Daemon:
        """A daemon on a TCP port of this machine, and at ``endpoints``."""
        listen = " ".join((TCP, *endpoints))
        return start_in(self.directory, self, (), {"LISTEN": listen, "ECHO_DELAY": "0"} | settings)

    def assert_pong(self, connection: socket.socket) -> None:
        with connection:
            self.assertTrue(answer(connection).endswith(b"\r\n\r\npong"))

    def ports(self, daemon: Daemon, scheme: str) -> list[int]:
        line = daemon.wait_for("Listening on (.*)")[1]
        return [int(number) for number in re.findall(rf"{scheme}://[^ ]*:(\d+)/", line)]

    def refusal(self, *endpoints: str, **settings: str) -> str:
        """What a daemon says that can't start at ``endpoints``."""
        settings = {"LISTEN": " ".join(endpoints)} | settings
        process = twistd(self.directory, "pieces", (), settings)
        output, errors = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 1)
        (line,) = re.findall(r"piecesd: .*", (output + errors).decode())
        return str(line)
