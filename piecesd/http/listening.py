"""Opens the places where the daemon listens, of whatever kind they are."""

import errno
import os
import socket
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from piecesd.config import InheritedEndpoint, ListenEndpoint, TcpEndpoint, TlsFiles, UnixEndpoint
from piecesd.http.direct_write import (
    DirectServer,
    DirectUnixPort,
    InheritedUnixPort,
    Turns,
    adopt,
    listen,
)
from piecesd.http.proxied import ProxiedFactory
from piecesd.http.tls import ReloadableCertificate, UnusableCertificate

_BACKLOG = 1024
"""Of a socket that was inherited, whatever it had before."""


class CantListen(Exception):
    """A place can't be had; one line that says which and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listening:
    """A place that has been opened: its port, its URL, and its address where it
    is one of IP."""

    port: IListeningPort
    url: str
    host: str | None


class Listeners:
    """Listens at ``endpoints``, or at ``host`` and ``port`` where there are none,
    for ``factory``.

    :param path: what a URL is to show behind the host, as ``/v1/``.
    """

    def __init__(
        self,
        reactor: Any,
        factory: IProtocolFactory,
        *,
        endpoints: Sequence[ListenEndpoint],
        host: str,
        port: int,
        path: str,
    ) -> None:
        self._reactor = reactor
        self._factory = factory
        self._endpoints = tuple(endpoints)
        self._default = (host, port)
        self._path = path
        self._certificates: list[ReloadableCertificate] = []

    @property
    def have_certificates(self) -> bool:
        """Whether there will be something to reload."""
        return any(
            isinstance(each.place, TcpEndpoint) and each.place.tls for each in self._endpoints
        )

    def open(self) -> list[Listening]:
        """Open them all, in their order.

        :raises CantListen: one can't be had; those before it stay open.
        """
        if self._endpoints:
            return [self._open(each) for each in self._endpoints]
        host, number = self._default
        try:
            port = listen(self._reactor, host, number, self._factory)
        except CannotListenError as error:
            raise CantListen(f"can't listen on {host}:{number}: {_reason(error)}") from None
        return [self._listening(port, "http")]

    def share(self, fd: int, turns: Turns) -> Listening:
        """Accept from a socket that other processes accept from as well."""
        return self._listening(adopt(self._reactor, fd, self._factory, turns), "http")

    def reload_certificates(self) -> None:
        """Read the files of each TLS port again; see `ReloadableCertificate`."""
        for certificate in self._certificates:
            certificate.reload()

    def _open(self, endpoint: ListenEndpoint) -> Listening:
        try:
            port, scheme = self._open_place(endpoint)
        except CannotListenError as error:
            reason = _reason(error)
        except OSError as error:
            reason = error.strerror or str(error)
        except (CantListen, UnusableCertificate) as error:
            reason = str(error)
        else:
            return self._listening(port, scheme, proxied=endpoint.proxied)
        raise CantListen(f"LISTEN={endpoint.text}: {reason}")

    def _open_place(self, endpoint: ListenEndpoint) -> tuple[IListeningPort, str]:
        """The port and the scheme of its URL."""
        factory, scheme = self._factory, "http"
        place = endpoint.place
        if isinstance(place, TcpEndpoint) and place.tls is not None:
            factory, scheme = self._with_tls(factory, place.tls), "https"
        if endpoint.proxied:
            factory = ProxiedFactory(factory)
        match place:
            case TcpEndpoint():
                port = listen(self._reactor, place.host, place.port, factory, backlog=place.backlog)
            case UnixEndpoint():
                port = _listen_unix(self._reactor, place, factory)
            case InheritedEndpoint():
                port = _adopt(self._reactor, place, factory)
        return port, scheme

    def _with_tls(self, factory: IProtocolFactory, files: TlsFiles) -> Any:
        certificate = ReloadableCertificate(files.private_key, files.certificate, files.extra_chain)
        self._certificates.append(certificate)
        tls_factory = TLSMemoryBIOFactory(certificate, False, factory, clock=self._reactor)
        tls_factory.noisy = False
        return tls_factory

    def _listening(self, port: IListeningPort, scheme: str, *, proxied: bool = False) -> Listening:
        bound: Any = port.getHost()
        suffix = " (PROXY)" if proxied else ""
        host = getattr(bound, "host", None)
        if host is None:
            return Listening(port=port, url=f"unix:{os.fsdecode(bound.name)}{suffix}", host=None)
        shown_host = f"[{host}]" if ":" in host else host
        url = f"{scheme}://{shown_host}:{bound.port}{self._path}{suffix}"
        return Listening(port=port, url=url, host=host)


def _reason(error: CannotListenError) -> str:
    return str(getattr(error.socketError, "strerror", None) or error.socketError)


def _listen_unix(reactor: Any, place: UnixEndpoint, factory: IProtocolFactory) -> IListeningPort:
    """A socket file. One that nobody listens at any more is replaced.

    :raises CantListen: somebody does, or it is another kind of file.
    """
    _remove_stale_socket(place)
    port = DirectUnixPort(os.fsencode(place.path), factory, place.backlog, place.mode, reactor)
    port.startListening()
    return port


def _remove_stale_socket(place: UnixEndpoint) -> None:
    try:
        mode = place.path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise CantListen(f"{place.path} is there already, and no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        outcome = probe.connect_ex(os.fsencode(place.path))
    if outcome != errno.ECONNREFUSED:
        raise CantListen(f"another process listens at {place.path}")
    place.path.unlink()


def _adopt(reactor: Any, place: InheritedEndpoint, factory: IProtocolFactory) -> IListeningPort:
    """A socket that systemd has opened (sd_listen_fds(3)).

    :raises CantListen: it has passed on no such one.
    """
    # Twisted reads LISTEN_PID and its like when it is imported, before twistd
    # goes into the background, and keeps what it finds to itself.
    which = (
        f"index={place.index}" if place.name is None else f"name={quoteStringArgument(place.name)}"
    )
    try:
        endpoint: Any = serverFromString(reactor, f"systemd:domain={place.domain}:{which}")
    except (LookupError, ValueError):
        raise CantListen("systemd has passed on no such socket") from None
    if place.domain == "UNIX":
        inherited = socket.socket(fileno=endpoint.fileno)
        inherited.setblocking(False)
        inherited.set_inheritable(False)
        unix_port = InheritedUnixPort(inherited, factory, reactor, backlog=_BACKLOG)
        unix_port.startListening()
        return unix_port
    outcome: list[Any] = []
    opening: Deferred[Any] = endpoint.listen(factory)
    opening.addBoth(outcome.append)
    (port,) = outcome  # an inherited socket is there at once
    if isinstance(port, Failure):
        raise CantListen(port.getErrorMessage())
    port.transport = DirectServer
    port.socket.listen(_BACKLOG)  # Twisted has just made it 50
    adopted: IListeningPort = port
    return adopted
