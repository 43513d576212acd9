"""What happens at the sockets of `piecesd.http.sockets`: TLS, PROXY headers, HTTP."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

from piecesd.config import ListenEndpoint
from piecesd.http.ports import Turns, serve
from piecesd.http.proxied import ProxiedFactory
from piecesd.http.sockets import CantListen, ListeningSocket
from piecesd.http.tls import ReloadableCertificate, UnusableCertificate

Certificates = Mapping[ListenEndpoint, ReloadableCertificate]


def read_certificates(endpoints: Iterable[ListenEndpoint]) -> Certificates:
    """Those of the endpoints that speak TLS.

    :raises CantListen: one can't be used.
    """
    certificates = {}
    for endpoint in endpoints:
        if (files := endpoint.tls) is not None:
            try:
                certificates[endpoint] = ReloadableCertificate(
                    files.private_key, files.certificate, files.extra_chain
                )
            except UnusableCertificate as error:
                raise CantListen(endpoint, str(error)) from None
    return certificates


class Listeners:
    """Accepts connections for ``factory`` at ``endpoints``."""

    def __init__(
        self, reactor: Any, factory: IProtocolFactory, endpoints: Iterable[ListenEndpoint]
    ) -> None:
        self._reactor = reactor
        self._factory = factory
        self._endpoints = tuple(endpoints)
        self._certificates: Certificates = {}
        self._sockets: Sequence[ListeningSocket] = ()
        self._ports: list[IListeningPort] = []
        self._turns: Turns | None = None

    @property
    def have_certificates(self) -> bool:
        """Whether there will be something to reload."""
        return any(endpoint.tls for endpoint in self._endpoints)

    def read_certificates(self) -> None:
        """To be called before `accept`.

        :raises CantListen: one can't be used.
        """
        self._certificates = read_certificates(self._endpoints)

    def accept(self, sockets: Sequence[ListeningSocket], turns: Turns | None = None) -> None:
        """Begin.

        :param sockets: those at the endpoints; they are closed by `close`.
        :param turns: where other processes accept from them, too.
        """
        self._sockets = sockets
        self._turns = turns
        self._ports = [
            serve(self._reactor, each, self._factory_of(each.endpoint), turns) for each in sockets
        ]

    def close(self) -> Deferred[Any]:
        """Accept no more; connections go on."""
        if self._turns is not None:
            self._turns.leave()
        ports, self._ports = self._ports, []
        closed = [maybeDeferred(port.stopListening) for port in ports]
        for each in self._sockets:
            each.close()
        return gatherResults(closed)

    def reload_certificates(self) -> None:
        """Read the files of each again; see `ReloadableCertificate`."""
        for certificate in self._certificates.values():
            certificate.reload()

    def _factory_of(self, endpoint: ListenEndpoint) -> Any:
        factory: Any = self._factory
        if endpoint.tls is not None:
            certificate = self._certificates[endpoint]
            factory = TLSMemoryBIOFactory(certificate, False, factory, clock=self._reactor)
            factory.noisy = False
        return ProxiedFactory(factory) if endpoint.proxied else factory
