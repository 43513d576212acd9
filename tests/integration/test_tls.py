"""Upstreams over TLS, with a certificate of the tests' own authority."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SynchronousTestCase

from piecesd import __version__
from tests.integration.daemon import Daemon, run_directory, start
from tests.integration.far_end import QueuedFarEnd
from tests.integration.web import chat, open_chat

TOKEN = "token-of-the-tests"


class Authority:
    """Issues certificates for 127.0.0.1."""

    def __init__(self) -> None:
        self._key = generate_key(SECP256R1())
        self._name = _name("an authority")
        self._certificate = self._issue(self._name, self._key, is_authority=True)

    @property
    def pem(self) -> bytes:
        return self._certificate.public_bytes(Encoding.PEM)

    def server_credentials(self) -> grpc.ServerCredentials:
        key = generate_key(SECP256R1())
        certificate = self._issue(_name("a server"), key, is_authority=False)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return grpc.ssl_server_credentials([(private, certificate.public_bytes(Encoding.PEM))])

    def _issue(
        self, subject: x509.Name, key: EllipticCurvePrivateKey, *, is_authority: bool
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
                critical=False,
            )
            .sign(self._key, SHA256())
        )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


class TlsTests(SynchronousTestCase):
    def setUp(self) -> None:
        authority = Authority()
        self.ca_file = self.write(authority.pem)
        self.server = QueuedFarEnd(authority.server_credentials())
        self.addCleanup(self.server.stop)

    def write(self, pem: bytes) -> Path:
        path = run_directory(self) / "authority.pem"
        path.write_bytes(pem)
        return path

    def daemon(self, *, scheme: str = "grpcs://", **settings: str) -> Daemon:
        settings = {"GRPC_CA_FILE": str(self.ca_file), "TIMEOUT": "5"} | settings
        return start(self, GPT_GRPC_ADDR=f"{scheme}127.0.0.1:{self.server.port}", **settings)

    def assert_answers(self, daemon: Daemon) -> dict[str, str]:
        """Both kinds of answer come; the metadata of the last call."""
        for stream in (False, True):
            client = open_chat(daemon.port, "hello", stream=stream)
            call = self.server.next_call()
            call.arrive("over TLS")
            if stream:
                call.finish()
                self.assertEqual(client.streamed().text, "over TLS")
            else:
                self.assertEqual(client.reply().text, "over TLS")
        return call.metadata

    def test_an_authority_of_ones_own_is_trusted(self) -> None:
        for scheme in ("grpcs://", ""):
            metadata = self.assert_answers(self.daemon(scheme=scheme))
            self.assertTrue(metadata["user-agent"].startswith(f"piecesd/{__version__} "))
            self.assertNotIn("authorization", metadata)

    def test_the_token_is_shown(self) -> None:
        daemon = self.daemon(GRPC_AUTH_TOKEN=TOKEN, DEBUG="true")
        metadata = self.assert_answers(daemon)
        self.assertEqual(metadata["authorization"], f"Bearer {TOKEN}")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(daemon.matching(TOKEN), [])

    def test_no_other_authority_is_trusted(self) -> None:
        other = self.write(Authority().pem)
        for settings in ({"GRPC_CA_FILE": str(other)}, {"GRPC_CA_FILE": ""}):
            daemon = self.daemon(**settings, MAX_RETRIES="0")
            for stream in (False, True):
                reply = chat(daemon.port, "hello", stream=stream)
                self.assertEqual((reply.status, reply.error["code"]), (502, "upstream_unavailable"))

    def test_plaintext_is_not_spoken_to_a_server_of_tls(self) -> None:
        daemon = self.daemon(scheme="grpc://", GRPC_CA_FILE="", MAX_RETRIES="0")
        self.assertEqual(chat(daemon.port, "hello").status, 502)
