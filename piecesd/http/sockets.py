"""Opens the sockets at which the daemon listens, of whatever kind they are.

A single process opens them and serves them itself. A supervisor opens them and
hands them to its workers, which take them over. `piecesd.http.listening` has
what happens at them.
"""

import errno
import os
import socket
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import quoteStringArgument, serverFromString

from piecesd.config import InheritedEndpoint, ListenEndpoint, TcpEndpoint, UnixEndpoint


class CantListen(Exception):
    """A place can't be had; one line that says which and why."""

    def __init__(self, endpoint: ListenEndpoint, reason: str) -> None:
        super().__init__(f"can't listen on {endpoint.text}: {reason}")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ListeningSocket:
    """A socket that listens at ``endpoint``. ``file`` goes when it is closed."""

    endpoint: ListenEndpoint
    socket: socket.socket
    file: Path | None = None

    @property
    def host(self) -> str | None:
        """Its address, where it is one of IP."""
        if self.socket.family == socket.AF_UNIX:
            return None
        host: str = self.socket.getsockname()[0]
        return host

    def url(self, path: str) -> str:
        """What to show of it; ``path`` is what a URL has behind the host."""
        suffix = " (PROXY)" if self.endpoint.proxied else ""
        if self.host is None:
            return f"unix:{os.fsdecode(self.socket.getsockname())}{suffix}"
        scheme = "http" if self.endpoint.tls is None else "https"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.socket.getsockname()[1]}{path}{suffix}"

    def close(self) -> None:
        """Close this copy of it. A file that rights do not suffice to remove
        stays; the next start replaces it."""
        if self.file is not None:
            with suppress(OSError):
                self.file.unlink()
        self.socket.close()


def open_sockets(endpoints: Iterable[ListenEndpoint]) -> list[ListeningSocket]:
    """Listen at all of them.

    :raises CantListen: one can't be had; those before it are closed again.
    """
    opened: list[ListeningSocket] = []
    for endpoint in endpoints:
        try:
            opened.append(_open(endpoint))
        except OSError as error:
            for each in opened:
                each.close()
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise CantListen(endpoint, reason) from None
    return opened


def adopt_sockets(endpoints: Sequence[ListenEndpoint], fds: Sequence[int]) -> list[ListeningSocket]:
    """Those that another process has opened at ``endpoints`` and looks after,
    by the numbers under which this one has inherited them."""
    return [
        ListeningSocket(endpoint=endpoint, socket=_of_this_process(fd))
        for endpoint, fd in zip(endpoints, fds, strict=True)
    ]


def _open(endpoint: ListenEndpoint) -> ListeningSocket:
    """:raises OSError: it can't be had."""
    match endpoint.place:
        case TcpEndpoint() as place:
            return ListeningSocket(endpoint=endpoint, socket=_open_tcp(place))
        case UnixEndpoint() as place:
            return ListeningSocket(endpoint=endpoint, socket=_open_unix(place), file=place.path)
        case InheritedEndpoint() as place:
            return ListeningSocket(endpoint=endpoint, socket=_of_systemd(place))


def _open_tcp(place: TcpEndpoint) -> socket.socket:
    """``::`` takes IPv4 too, whatever the system's ``bindv6only`` says."""
    is_ipv6 = ":" in place.host
    listening = socket.create_server(
        (place.host, place.port),
        family=socket.AF_INET6 if is_ipv6 else socket.AF_INET,
        backlog=place.backlog,
        dualstack_ipv6=is_ipv6 and socket.has_dualstack_ipv6(),
    )
    listening.setblocking(False)
    return listening


def _open_unix(place: UnixEndpoint) -> socket.socket:
    """A socket file, which never has more permissions than it is to have. One
    that nobody listens at any more is replaced.

    :raises OSError: somebody does, or it is another kind of file.
    """
    _remove_stale_socket(place.path)
    listening = socket.socket(socket.AF_UNIX)
    umask = os.umask(~place.mode & 0o777)
    try:
        listening.bind(os.fsencode(place.path))
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(umask)
    listening.listen(place.backlog)
    listening.setblocking(False)
    return listening


def _remove_stale_socket(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(f"{path} is there already, and no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        outcome = probe.connect_ex(os.fsencode(path))
    if outcome != errno.ECONNREFUSED:
        raise OSError(f"another process listens at {path}")
    path.unlink()


def _of_systemd(place: InheritedEndpoint) -> socket.socket:
    """A socket that systemd has opened (sd_listen_fds(3)).

    :raises OSError: it has passed on no such one.
    """
    # Twisted reads LISTEN_PID and its like when it is imported, before twistd
    # goes into the background, and keeps what it finds to itself.
    which = (
        f"index={place.index}" if place.name is None else f"name={quoteStringArgument(place.name)}"
    )
    reactor: Any = None  # not for its number
    try:
        endpoint: Any = serverFromString(reactor, f"systemd:domain={place.domain}:{which}")
    except (LookupError, ValueError):
        raise OSError("systemd has passed on no such socket") from None
    listening = _of_this_process(endpoint.fileno)
    listening.listen(place.backlog)  # whatever it had before
    return listening


def _of_this_process(fd: int) -> socket.socket:
    """An inherited socket; programs that this process starts do not get it."""
    inherited = socket.socket(fileno=fd)
    inherited.setblocking(False)
    inherited.set_inheritable(False)
    return inherited
