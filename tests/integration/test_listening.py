"""Where the daemon listens: each kind of endpoint, on a real daemon."""

import json
import re
import signal
import socket
import ssl
import stat
import struct

from tests.certificates import write_certificate
from tests.integration.daemon import PATIENCE_SECONDS, Daemon, start, twistd
from tests.integration.endpoints import (
    MODELS,
    PING,
    TCP,
    ListeningCase,
    answer,
    name_of,
    to_tcp,
    to_tls,
    to_unix,
)


class TcpTests(ListeningCase):
    def test_it_listens_at_several_endpoints_of_both_families(self) -> None:
        daemon = self.start("tcp6:0:interface=[::1]", "tcp:0:interface=127.0.0.2")
        first, second, third = self.ports(daemon, "http")
        self.assert_pong(to_tcp(first))
        self.assert_pong(to_tcp(second, "::1"))
        self.assert_pong(to_tcp(third, "127.0.0.2"))

    def test_a_port_that_is_taken_is_named(self) -> None:
        daemon = start(self)
        endpoint = f"tcp:{daemon.port}:interface=127.0.0.1"
        self.assertEqual(
            self.refusal(endpoint), f"piecesd: can't listen on {endpoint}: Address already in use"
        )

    def test_a_string_that_is_no_endpoint_is_named(self) -> None:
        self.assertIn("LISTEN='udp:1' (environment) can't be used", self.refusal("udp:1"))


class UnixTests(ListeningCase):
    def test_a_socket_file_has_its_mode_and_goes_with_the_daemon(self) -> None:
        daemon = self.start(f"unix:{self.path}:mode=600")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assert_pong(to_unix(self.path))
        with to_unix(self.path) as connection:
            self.assertIn(b'"gpt-4o"', answer(connection, MODELS))
        daemon.wait_for(r"#info\] - GET /v1/models -> 200")
        daemon.stop()
        self.assertFalse(self.path.exists())

    def test_one_that_a_killed_daemon_has_left_is_replaced(self) -> None:
        daemon = self.start(f"unix:{self.path}")
        daemon._last_status = -signal.SIGKILL
        daemon.kill()
        self.assertTrue(self.path.exists())
        self.start(f"unix:{self.path}")
        self.assert_pong(to_unix(self.path))

    def test_one_that_lives_is_not_and_goes_on(self) -> None:
        self.start(f"unix:{self.path}")
        self.assertIn("another process listens at", self.refusal(f"unix:{self.path}"))
        self.assert_pong(to_unix(self.path))

    def test_another_kind_of_file_is_left_alone(self) -> None:
        self.path.write_text("precious")
        self.assertIn("no socket", self.refusal(f"unix:{self.path}"))
        self.assertEqual(self.path.read_text(), "precious")

    def test_one_that_has_been_removed_does_not_keep_it_from_stopping(self) -> None:
        daemon = self.start(f"unix:{self.path}")
        self.path.unlink()
        self.assertEqual(daemon.stop(), 0)


class TlsTests(ListeningCase):
    ENDPOINT = "ssl:0:interface=127.0.0.1:privateKey=key.pem:certKey=cert.pem"

    def setUp(self) -> None:
        super().setUp()
        self.key, self.certificate = self.directory / "key.pem", self.directory / "cert.pem"

    def serve(self, common_name: str, **settings: str) -> Daemon:
        self.renew(common_name)
        daemon = self.start(self.ENDPOINT, **settings)
        (self.port,) = self.ports(daemon, "https")
        return daemon

    def renew(self, common_name: str) -> None:
        write_certificate(self.key, self.certificate, common_name)

    def test_it_speaks_tls_and_streams_in_it(self) -> None:
        self.serve("one")
        self.assert_pong(to_tls(self.port))
        body = {
            "model": "gpt-4o",
            "stream": True,
            "messages": [{"role": "user", "content": "word " * 50}],
        }
        data = json.dumps(body).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
        with to_tls(self.port) as connection:
            received = answer(connection, head + b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self.assertIn(b"data: [DONE]", received)

    def test_what_is_refused_in_it_is_answered_too(self) -> None:
        self.serve("one", MAX_BODY_BYTES="1KiB")
        too_large = b"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\n"
        too_large += b"Content-Length: 5000\r\n\r\n" + bytes(5000)
        for request, status in ((b"nonsense\r\n\r\n", 400), (too_large, 413)):
            with to_tls(self.port) as connection:
                connection.sendall(request)
                self.assertIn(b"HTTP/1.1 %d" % status, connection.recv(65536))

    def test_a_client_that_would_rather_speak_http_2_is_answered_all_the_same(self) -> None:
        self.serve("one")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2", "http/1.1"])
        plain = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)
        connection = context.wrap_socket(plain)
        self.assertEqual(connection.selected_alpn_protocol(), "http/1.1")
        self.assert_pong(connection)

    def test_old_versions_of_tls_are_refused(self) -> None:
        self.serve("one")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, OSError)):
            context.wrap_socket(to_tcp(self.port))
        self.assert_pong(to_tls(self.port))

    def test_a_hangup_loads_the_new_certificate_and_drops_no_connection(self) -> None:
        daemon = self.serve("one")
        with to_tls(self.port) as old:
            self.assertEqual(name_of(old), "one")
            self.renew("two")
            daemon.signal(signal.SIGHUP)
            daemon.wait_for("Loaded the certificate")
            with to_tls(self.port) as new:
                self.assertEqual(name_of(new), "two")
            self.assertTrue(answer(old).endswith(b"pong"))

    def test_files_that_can_not_be_used_leave_the_old_certificate(self) -> None:
        daemon = self.serve("one")
        daemon.failures_expected = True
        first_key = self.key.read_bytes()
        self.renew("two")
        self.key.write_bytes(first_key)
        for times, spoil in enumerate((lambda: None, lambda: self.certificate.unlink()), 1):
            spoil()
            daemon.signal(signal.SIGHUP)
            daemon.wait_for("The certificate stays the old one", times=times)
            with to_tls(self.port) as connection:
                self.assertEqual(name_of(connection), "one")
        self.renew("three")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("Loaded the certificate")
        with to_tls(self.port) as connection:
            self.assertEqual(name_of(connection), "three")

    def test_plain_http_on_its_port_harms_nobody(self) -> None:
        self.serve("one")
        with to_tcp(self.port) as connection:
            connection.sendall(PING)
            connection.recv(65536)
        self.assert_pong(to_tls(self.port))

    def test_files_that_are_missing_or_wrong_are_named(self) -> None:
        self.assertIn(f"can't read {self.key}: No such file", self.refusal(self.ENDPOINT))
        self.renew("one")
        self.certificate.write_text("nothing")
        self.assertIn(f"{self.certificate} has no certificate", self.refusal(self.ENDPOINT))
        self.renew("one")
        self.key.write_text("nothing")
        self.assertIn(f"{self.key} has no key", self.refusal(self.ENDPOINT))


class InheritedTests(ListeningCase):
    PASSED_ON = (
        "import os; os.environ.update("
        "LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='api'); "
    )

    def start_inheriting(self, listening: socket.socket, endpoint: str, workers: str) -> Daemon:
        """As systemd starts a service whose socket it has opened."""
        before = f"import os; os.dup2({listening.fileno()}, 3); {self.PASSED_ON}"
        process = twistd(
            self.directory,
            "pieces",
            (),
            {"LISTEN": f"{endpoint} {TCP}", "WORKERS": workers},
            before=before,
            inherits=[listening.fileno()],
        )
        daemon = Daemon(process, self.directory, listening=r"Listening on .*http://[^ ]*:(\d+)/")
        self.addCleanup(daemon.end, self)
        return daemon

    def test_a_tcp_socket_of_systemd_is_served_and_outlives_the_daemon(self) -> None:
        for which, workers in (("index=0", "1"), ("name=api", "2")):
            with socket.create_server(("127.0.0.1", 0)) as listening:
                port = listening.getsockname()[1]
                daemon = self.start_inheriting(listening, f"systemd:domain=INET:{which}", workers)
                self.assert_pong(to_tcp(port))
                self.assertEqual(daemon.stop(), 0)
                to_tcp(port).close()

    def test_a_socket_file_of_systemd_is_served_and_outlives_the_daemon(self) -> None:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(self.path))
            listening.listen()
            self.path.chmod(0o600)
            for workers in ("1", "2"):
                daemon = self.start_inheriting(listening, "systemd:domain=UNIX:index=0", workers)
                self.assert_pong(to_unix(self.path))
                self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
                self.assertEqual(daemon.stop(), 0)
                to_unix(self.path).close()

    def test_one_that_was_meant_for_another_process_is_not_taken(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            for wrong in ("LISTEN_PID=str(os.getppid())", "LISTEN_FDS='2'"):
                process = twistd(
                    self.directory,
                    "pieces",
                    (),
                    {"LISTEN": "systemd:domain=INET:name=api"},
                    before=f"import os; os.dup2({listening.fileno()}, 3); {self.PASSED_ON}"
                    f"os.environ.update({wrong}); ",
                    inherits=[listening.fileno()],
                )
                output, errors = process.communicate(timeout=20)
                self.assertEqual(process.returncode, 1, wrong)
                self.assertIn(b"systemd has passed on no such socket", output + errors, wrong)

    def test_one_that_was_not_passed_on_is_named(self) -> None:
        self.assertEqual(
            self.refusal("systemd:domain=INET:index=0"),
            "piecesd: can't listen on systemd:domain=INET:index=0: systemd has passed on no such "
            "socket",
        )


class ProxiedTests(ListeningCase):
    V2 = b"\r\n\r\n\x00\r\nQUIT\n"

    def test_the_client_is_the_one_whom_the_header_names(self) -> None:
        daemon = self.start(f"haproxy:{TCP}", f"haproxy:unix:{self.path}")
        _, port = self.ports(daemon, "http")
        packed = socket.inet_pton(socket.AF_INET6, "2001:db8::7") * 2 + struct.pack("!HH", 5, 6)
        headers = {
            "192.0.2.7": b"PROXY TCP4 192.0.2.7 127.0.0.1 5 6\r\n",
            "2001:db8::7": self.V2 + struct.pack("!BBH", 0x21, 0x21, len(packed)) + packed,
            "127.0.0.1": self.V2 + struct.pack("!BBH", 0x20, 0, 0),
        }
        for client, header in headers.items():
            with to_tcp(port) as connection:
                for byte in header:
                    connection.send(bytes([byte]))
                self.assertIn(b'"gpt-4o"', answer(connection, MODELS))
            daemon.wait_for(rf"#info\] {re.escape(client)} GET /v1/models -> 200")
        with to_unix(self.path) as connection:
            answer(connection, b"PROXY TCP4 192.0.2.8 127.0.0.1 5 6\r\n" + MODELS)
        daemon.wait_for(r"#info\] 192\.0\.2\.8 GET /v1/models -> 200")

    def test_in_front_of_tls_it_names_the_client_too(self) -> None:
        write_certificate(self.directory / "key.pem", self.directory / "cert.pem", "one")
        daemon = self.start(f"haproxy:{TlsTests.ENDPOINT}")
        (port,) = self.ports(daemon, "https")
        connection = to_tcp(port)
        connection.sendall(b"PROXY TCP4 192.0.2.9 127.0.0.1 5 6\r\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with context.wrap_socket(connection) as wrapped:
            answer(wrapped, MODELS)
        daemon.wait_for(r"#info\] 192\.0\.2\.9 GET /v1/models -> 200")

    def test_a_connection_without_a_header_is_dropped_and_not_answered(self) -> None:
        daemon = self.start(f"haproxy:{TCP}", HEADER_TIMEOUT="0.3")
        _, port = self.ports(daemon, "http")
        with to_tcp(port) as connection, self.assertRaises(ConnectionResetError):
            answer(connection)
        daemon.wait_for("did not begin with a PROXY header")
        with to_tcp(port) as silent:
            self.assertEqual(answer(silent, b"PROXY TCP4"), b"")
