"""The certificate of a TLS port, which can be replaced while the port is open."""

import re
from pathlib import Path
from typing import Any

from OpenSSL.SSL import Connection, Context
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import Certificate, CertificateOptions, KeyPair, TLSVersion
from twisted.logger import Logger
from zope.interface import implementer

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class UnusableCertificate(Exception):
    """A key and a certificate can't be used; one line that says why."""


@implementer(IOpenSSLServerConnectionCreator)
class ReloadableCertificate:
    """Gives each new connection the certificate that is the newest then.

    The files are in PEM: the key, the certificate with or without its chain
    behind it, and more of the chain.

    :raises UnusableCertificate: they can't be read, or don't belong together.
    """

    _log = Logger()

    def __init__(self, private_key: Path, certificate: Path, extra_chain: Path | None) -> None:
        self._files = (private_key, certificate, extra_chain)
        self._context = _context(*self._files)

    def serverConnectionForTLS(self, tlsProtocol: Any) -> Connection:  # noqa: N802, N803
        """The TLS side of a new connection; called by Twisted."""
        return Connection(self._context, None)

    def reload(self) -> None:
        """Read the files again. What can't be used is logged and changes
        nothing; connections that are open are not touched."""
        try:
            self._context = _context(*self._files)
        except UnusableCertificate as error:
            self._log.error("The certificate stays the old one: {reason}", reason=str(error))
        else:
            self._log.info("Loaded the certificate {path}", path=str(self._files[1]))


def _context(private_key: Path, certificate: Path, extra_chain: Path | None) -> Context:
    key_pem = _read(private_key)
    chain_pem = _read(certificate) + (b"\n" + _read(extra_chain) if extra_chain else b"")
    try:
        own, *others = (
            Certificate.loadPEM(pem).original for pem in _CERTIFICATE.findall(chain_pem)
        )
    except Exception:
        raise UnusableCertificate(f"{certificate} has no certificate in PEM") from None
    try:
        key = KeyPair.load(key_pem, 1).original  # 1: PEM
    except Exception:
        raise UnusableCertificate(f"{private_key} has no key in PEM without a password") from None
    try:
        context: Context = CertificateOptions(
            privateKey=key,
            certificate=own,
            extraCertChain=others or None,
            raiseMinimumTo=TLSVersion.TLSv1_2,
        ).getContext()
        context.check_privatekey()
    except Exception as error:
        raise UnusableCertificate(
            f"{private_key} and {certificate} can't be used together: {error}"
        ) from None
    return context


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnusableCertificate(f"can't read {path}: {error.strerror}") from None
