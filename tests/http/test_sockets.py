import os
import socket
import stat
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import ListenEndpoint
from piecesd.http.sockets import CantListen, ListeningSocket, adopt_sockets, open_sockets

LOOPBACK = ListenEndpoint.tcp("127.0.0.1", 0)


class SocketsCase(SynchronousTestCase):
    def setUp(self) -> None:
        # Trial's directories are too long for the path of a socket.
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name, "socket")

    def open(self, *endpoints: ListenEndpoint | str) -> list[ListeningSocket]:
        opened = open_sockets(
            each if isinstance(each, ListenEndpoint) else ListenEndpoint.parse(each)
            for each in endpoints
        )
        for each in opened:
            self.addCleanup(each.close)
        return opened

    def refusal(self, *endpoints: ListenEndpoint | str) -> str:
        return str(self.assertRaises(CantListen, self.open, *endpoints))

    def assert_connects(self, listening: ListeningSocket) -> None:
        with socket.socket(listening.socket.family) as client:
            client.connect(listening.socket.getsockname())
            accepted, _ = listening.socket.accept()
            accepted.close()


class TcpTests(SocketsCase):
    def test_it_listens_and_does_not_wait_for_whoever_comes(self) -> None:
        (listening,) = self.open(LOOPBACK)
        self.assertRaises(BlockingIOError, listening.socket.accept)
        self.assert_connects(listening)

    def test_a_port_that_is_taken_is_refused_in_one_line(self) -> None:
        (listening,) = self.open(LOOPBACK)
        port = listening.socket.getsockname()[1]
        for endpoint, shown in (
            (ListenEndpoint.tcp("127.0.0.1", port), f"127.0.0.1:{port}"),
            (f"tcp:{port}:interface=127.0.0.1", f"tcp:{port}:interface=127.0.0.1"),
        ):
            self.assertEqual(
                self.refusal(endpoint), f"can't listen on {shown}: Address already in use"
            )

    def test_all_of_ipv6_is_all_of_ipv4_too(self) -> None:
        if not socket.has_dualstack_ipv6():
            self.skipTest("no IPv6 here")
        (listening,) = self.open(ListenEndpoint.tcp("::", 0))
        address = ("127.0.0.1", listening.socket.getsockname()[1])
        socket.create_connection(address, timeout=5).close()

    def test_one_that_can_not_be_had_closes_those_before_it(self) -> None:
        (listening,) = self.open(LOOPBACK)
        port = listening.socket.getsockname()[1]
        self.refusal(f"unix:{self.path}", ListenEndpoint.tcp("127.0.0.1", port))
        self.assertFalse(self.path.exists())


class UnixTests(SocketsCase):
    def test_its_file_has_the_mode_it_is_to_have_whatever_the_umask_says(self) -> None:
        for mode in (0o600, 0o666, 0o660):
            umask = os.umask(0o027)
            try:
                (listening,) = self.open(f"unix:{self.path}:mode={mode:o}")
            finally:
                self.assertEqual(os.umask(umask), 0o027)
            self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), mode)
            self.assert_connects(listening)
            listening.close()
            self.assertFalse(self.path.exists())

    def test_one_that_nobody_listens_at_is_replaced(self) -> None:
        (abandoned,) = self.open(f"unix:{self.path}")
        abandoned.socket.close()
        (listening,) = self.open(f"unix:{self.path}")
        self.assert_connects(listening)

    def test_one_that_somebody_listens_at_is_not(self) -> None:
        (listening,) = self.open(f"unix:{self.path}")
        self.assertIn("another process listens at", self.refusal(f"unix:{self.path}"))
        self.assertTrue(self.path.exists())
        accepted, _ = listening.socket.accept()  # it was asked whether it does
        accepted.close()

    def test_another_kind_of_file_is_left_alone(self) -> None:
        self.path.write_text("precious")
        self.assertIn("no socket", self.refusal(f"unix:{self.path}"))
        self.assertEqual(self.path.read_text(), "precious")

    def test_a_file_that_is_gone_already_does_not_matter(self) -> None:
        (listening,) = self.open(f"unix:{self.path}")
        self.path.unlink()
        listening.close()

    def test_a_path_that_is_too_long_is_named(self) -> None:
        endpoint = f"unix:/{'x' * 200}"
        self.assertIn(f"can't listen on {endpoint}: AF_UNIX path too long", self.refusal(endpoint))


class InheritedTests(SocketsCase):
    def test_what_systemd_has_not_passed_on_can_not_be_had(self) -> None:
        for which in ("index=0", "name=http"):
            self.assertIn("no such socket", self.refusal(f"systemd:domain=INET:{which}"))

    def test_sockets_of_a_supervisor_are_those_at_its_endpoints_in_their_order(self) -> None:
        opened = self.open(LOOPBACK, f"unix:{self.path}")
        endpoints = [each.endpoint for each in opened]
        fds = [os.dup(each.socket.fileno()) for each in opened]
        os.set_inheritable(fds[0], True)
        adopted = adopt_sockets(endpoints, fds)
        for mine, its in zip(adopted, opened, strict=True):
            self.assertEqual(mine.url("/v1/"), its.url("/v1/"))
            self.assertFalse(mine.socket.get_inheritable())
            self.assert_connects(mine)
            mine.close()
        self.assertTrue(self.path.exists())
        for its in opened:
            self.assert_connects(its)

    def test_as_many_as_there_are_endpoints_have_to_be_inherited(self) -> None:
        self.assertRaises(ValueError, adopt_sockets, [LOOPBACK], [])


class UrlTests(SocketsCase):
    def test_it_shows_how_and_where_one_connects(self) -> None:
        endpoints = {
            "tcp:0:interface=127.0.0.1": "http://127.0.0.1:{port}/v1/",
            "ssl:0:interface=127.0.0.1:privateKey=k.pem": "https://127.0.0.1:{port}/v1/",
            "haproxy:tcp:0:interface=127.0.0.1": "http://127.0.0.1:{port}/v1/ (PROXY)",
            f"unix:{self.path}": f"unix:{self.path}",
        }
        if socket.has_dualstack_ipv6():
            endpoints["tcp6:0:interface=[::1]"] = "http://[::1]:{port}/v1/"
        for listening, url in zip(self.open(*endpoints), endpoints.values(), strict=True):
            port = listening.host and listening.socket.getsockname()[1]
            self.assertEqual(listening.url("/v1/"), url.format(port=port))
