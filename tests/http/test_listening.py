import socket
import ssl
from pathlib import Path
from typing import Any

from cryptography import x509
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from piecesd.config import ListenEndpoint
from piecesd.http.listening import Listeners, read_certificates
from piecesd.http.sockets import CantListen, open_sockets
from tests.certificates import write_certificate
from tests.http.sockets import reactor, until

PLAIN = ListenEndpoint.parse("tcp:0:interface=127.0.0.1")


class ClientsHost(Protocol):
    """Answers whatever comes with the address of its client."""

    transport: Any

    def connectionMade(self) -> None:
        self.factory.made += 1

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(self.transport.getPeer().host.encode())
        self.transport.loseConnection()

    def connectionLost(self, *_: object) -> None:
        self.factory.lost += 1


class ClientsHosts(Factory):
    protocol = ClientsHost
    noisy = False
    made = lost = 0


class OwnTurns:
    """Of a process that is alone. ``left``: whether it takes part no more."""

    left = False

    def add_connections(self, change: int) -> None:
        """Nobody wants to know."""

    def is_mine(self) -> bool:
        return True

    def leave(self) -> None:
        self.left = True


class TlsCase(SynchronousTestCase):
    def setUp(self) -> None:
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        self.key, self.certificate = directory / "key.pem", directory / "cert.pem"
        self.renew("one")
        files = f"privateKey={self.key}:certKey={self.certificate}"
        self.tls = ListenEndpoint.parse(f"ssl:0:interface=127.0.0.1:{files}")
        self.proxied = ListenEndpoint.parse(f"haproxy:ssl:0:interface=127.0.0.1:{files}")

    def renew(self, common_name: str) -> None:
        write_certificate(self.key, self.certificate, common_name)


class CertificatesTests(TlsCase):
    def test_only_endpoints_with_tls_have_one(self) -> None:
        self.assertEqual(list(read_certificates([PLAIN, self.tls])), [self.tls])

    def test_the_endpoint_whose_files_can_not_be_used_is_named(self) -> None:
        self.key.unlink()
        error = self.assertRaises(CantListen, read_certificates, [PLAIN, self.tls])
        self.assertEqual(
            str(error), f"can't listen on {self.tls.text}: can't read {self.key}: No such file or "
            "directory",
        )  # fmt: skip

    def test_whether_there_are_any_is_known_before_they_are_read(self) -> None:
        self.key.unlink()
        for endpoints, expected in (([PLAIN, self.tls], True), ([PLAIN], False), ([], False)):
            listeners = Listeners(reactor, ClientsHosts(), endpoints)
            self.assertEqual(listeners.have_certificates, expected)


class ListenersTests(TlsCase, TestCase):
    def accept(self, *endpoints: ListenEndpoint, turns: OwnTurns | None = None) -> None:
        """``ports`` are the numbers of those at the endpoints."""
        self.factory = ClientsHosts()
        self.listeners = Listeners(reactor, self.factory, endpoints)
        self.listeners.read_certificates()
        sockets = open_sockets(endpoints)
        self.ports = [each.socket.getsockname()[1] for each in sockets]
        self.listeners.accept(sockets, turns)
        self.addCleanup(self.listeners.close)
        self.addCleanup(until, lambda: self.factory.made == self.factory.lost)

    def answer(
        self, port: int, *, header: bytes = b"", tls: bool = False
    ) -> "Deferred[tuple[str, Any]]":
        """What a client is answered, and the name in the certificate it was shown."""
        return deferToThread(ask, port, header, tls)

    async def test_each_endpoint_has_what_it_is_to_have(self) -> None:
        self.accept(PLAIN, self.tls, self.proxied)
        plain, tls, proxied = self.ports
        header = b"PROXY TCP4 192.0.2.7 127.0.0.1 5 6\r\n"
        self.assertEqual(await self.answer(plain), ("127.0.0.1", None))
        self.assertEqual(await self.answer(tls, tls=True), ("127.0.0.1", "one"))
        self.assertEqual(await self.answer(proxied, header=header, tls=True), ("192.0.2.7", "one"))

    async def test_a_certificate_that_was_read_again_is_shown_from_then_on(self) -> None:
        self.accept(PLAIN, self.tls, self.proxied)
        self.renew("two")
        self.assertEqual(await self.answer(self.ports[1], tls=True), ("127.0.0.1", "one"))
        self.listeners.reload_certificates()
        self.assertEqual(await self.answer(self.ports[1], tls=True), ("127.0.0.1", "two"))

    async def test_closed_ones_take_no_more_and_let_connections_go_on(self) -> None:
        turns = OwnTurns()
        self.accept(PLAIN, turns=turns)
        (port,) = self.ports
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            await until(lambda: self.factory.made)
            await self.listeners.close()
            self.assertTrue(turns.left)
            self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", port))
            client.sendall(b"who am I")
            self.assertEqual(await deferToThread(client.recv, 100), b"127.0.0.1")


def ask(port: int, header: bytes, tls: bool) -> tuple[str, Any]:
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    name = None
    with connection:
        connection.sendall(header)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connection = context.wrap_socket(connection)
            der = connection.getpeercert(binary_form=True)
            assert der is not None
            (attribute,) = x509.load_der_x509_certificate(der).subject
            name = attribute.value
        with connection:
            connection.sendall(b"who am I")
            return connection.recv(100).decode(), name
