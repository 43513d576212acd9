"""``python -m piecesd.health`` beside a running daemon, and beside none."""

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from piecesd.upstream.health import FAILURES_TO_EJECT
from tests.certificates import write_certificate
from tests.integration.daemon import PATIENCE_SECONDS, ROOT, run_directory, start, start_in
from tests.integration.web import chat

GONE = "grpc://127.0.0.1:1"
"""Where nobody listens."""


def health(*arguments: str, **settings: str) -> tuple[int, str]:
    """The exit status, and the line that was printed."""
    done = subprocess.run(
        [sys.executable, "-m", "piecesd.health", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    (line,) = (done.stdout + done.stderr).splitlines()
    return done.returncode, line


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ListeningTests(SynchronousTestCase):
    def test_each_kind_of_place_is_asked(self) -> None:
        directory = run_directory(self)
        key, certificate = directory / "key.pem", directory / "certificate.pem"
        write_certificate(key, certificate, "piecesd")
        tls = f"privateKey={key}:certKey={certificate}"
        here = "interface=127.0.0.1"
        short_directory = tempfile.mkdtemp()  # the path of a socket may only be so long
        self.addCleanup(shutil.rmtree, short_directory)
        places = [
            f"tcp:{free_port()}:{here}",
            f"haproxy:tcp:{free_port()}:{here}",
            f"ssl:{free_port()}:{here}:{tls}",
            f"haproxy:ssl:{free_port()}:{here}:{tls}",
            f"unix:{short_directory}/socket",
        ]
        start_in(directory, self, settings={"LISTEN": " ".join(places)})
        for place in places:
            self.assertEqual(health(LISTEN=place), (0, f"/ping at {place}: 200"))

    def test_readiness_is_asked_for_by_name(self) -> None:
        settings = {"PORT": str(free_port())}
        daemon = start(self, **settings, GPT_GRPC_ADDR=GONE, MAX_RETRIES="0")
        self.assertEqual(health(**settings)[0], 0)
        for _ in range(FAILURES_TO_EJECT):
            self.assertEqual(chat(daemon.port, "hello").status, 502)
        self.assertEqual(
            health("--ready", **settings),
            (1, f"/readyz at port {daemon.port} of 127.0.0.1: 503"),
        )

    def test_settings_are_read_from_a_file_too(self) -> None:
        directory = run_directory(self)
        env_file = directory / "settings"
        env_file.write_text(f"PORT={free_port()}\n")
        start_in(directory, self, ["--env-file", str(env_file)])
        self.assertEqual(health("--env-file", str(env_file))[0], 0)


class UnhealthyTests(SynchronousTestCase):
    def listen(self, answer: bytes | None) -> str:
        """A port at which one connection is answered so, or not at all."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        if answer is not None:
            Thread(target=self.answer, args=[listener, answer], daemon=True).start()
        port: int = listener.getsockname()[1]
        return str(port)

    @staticmethod
    def answer(listener: socket.socket, answer: bytes) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)

    def test_nobody_listens(self) -> None:
        port = free_port()
        self.assertEqual(
            health(PORT=str(port)), (1, f"/ping at port {port} of 127.0.0.1: Connection refused")
        )
        status, line = health(LISTEN="unix:/nowhere/socket")
        self.assertEqual(
            (status, line), (1, "/ping at unix:/nowhere/socket: No such file or directory")
        )

    def test_nobody_answers(self) -> None:
        status, line = health("--timeout", "0.2", PORT=self.listen(None))
        self.assertEqual(status, 1)
        self.assertTrue(line.endswith(": timed out"), line)

    def test_something_else_answers(self) -> None:
        for answer in (b"", b"220 mail.example\r\n", b"x" * 4000):
            status, line = health(PORT=self.listen(answer))
            self.assertEqual(status, 1)
            self.assertTrue(line.endswith(": the answer is not HTTP"), line)

    def test_another_status_answers(self) -> None:
        status, line = health(PORT=self.listen(b"HTTP/1.1 403 Forbidden\r\n\r\n"))
        self.assertEqual(status, 1)
        self.assertTrue(line.endswith(": 403"), line)


class CostTests(SynchronousTestCase):
    def test_it_takes_less_than_a_third_of_a_second_of_cpu(self) -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        health(PORT="1")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertLess(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 0.3)
