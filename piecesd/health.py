"""``python -m piecesd.health``: does the daemon of these settings answer?

For the health checks of containers and supervisors, which then need no curl. It
reads the settings as the daemon does, but for the daemon's options, and asks
where they say it listens. One line says what came of it; the exit status is 0
if the answer was 200, else 1.
"""

import argparse
import ipaddress
import os
import socket
import ssl
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from piecesd.config import Config, ConfigError, TcpEndpoint, UnixEndpoint, load

TIMEOUT_SECONDS = 4.0
"""Less than what calls this allows it, so that the line is still heard."""

_FOR_ITSELF = b"PROXY UNKNOWN\r\n"
"""The PROXY header of who speaks for nobody else (haproxy's proxy-protocol.txt, 2.1)."""

_MAX_STATUS_LINE_BYTES = 1024


class Unhealthy(Exception):
    """The daemon can't be asked, or its answer is none; one line says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where to ask: a host and a port, or a socket file. ``proxied``: a PROXY
    header comes first."""

    text: str
    address: tuple[str, int] | Path
    tls: bool = False
    proxied: bool = False


def place_to_ask(config: Config) -> Place:
    """The first place that ``config`` listens at and whose address it tells.

    :raises Unhealthy: there is none, only ports that the system has picked and
        sockets that systemd has opened.
    """
    if not config.listen and config.port:
        address = _reachable(config.host), config.port
        return Place(text="port {1} of {0}".format(*address), address=address)
    for endpoint in config.listen:
        match endpoint.place:
            case UnixEndpoint(path=path):
                return Place(text=endpoint.text, address=path, proxied=endpoint.proxied)
            case TcpEndpoint(port=port) as tcp if port:
                return Place(
                    text=endpoint.text,
                    address=(_reachable(tcp.host), port),
                    tls=tcp.tls is not None,
                    proxied=endpoint.proxied,
                )
    raise Unhealthy("PORT and LISTEN do not tell an address to ask at")


def _reachable(host: str) -> str:
    """An address of this machine at which a socket bound to ``host`` is reached."""
    address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    if not address.is_unspecified:
        return str(address)
    return "127.0.0.1" if address.version == 4 else "::1"


def status_of(place: Place, path: str, timeout_seconds: float) -> int:
    """Ask for ``path`` there; the status of the answer.

    Any certificate will do: who listens at that port of this machine is the
    daemon, and nothing secret is sent.

    :raises OSError: nobody answers, or not within ``timeout_seconds`` in all.
    :raises Unhealthy: the answer is not HTTP.
    """
    deadline = time.monotonic() + timeout_seconds
    with _connected(place.address, timeout_seconds) as plain:
        if place.proxied:
            plain.sendall(_FOR_ITSELF)
        plain.settimeout(_left(deadline))
        with _secured(plain) if place.tls else plain as connection:
            request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            connection.sendall(request.encode("ascii"))
            return _read_status(connection, deadline)


def _connected(address: tuple[str, int] | Path, timeout_seconds: float) -> socket.socket:
    if not isinstance(address, Path):
        return socket.create_connection(address, timeout_seconds)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout_seconds)
        connection.connect(os.fspath(address))
    except BaseException:
        connection.close()
        raise
    return connection


def _secured(plain: socket.socket) -> socket.socket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain)


def _read_status(connection: socket.socket, deadline: float) -> int:
    received = b""
    while b"\n" not in received and len(received) < _MAX_STATUS_LINE_BYTES:
        connection.settimeout(_left(deadline))
        data = connection.recv(_MAX_STATUS_LINE_BYTES)
        if not data:
            break
        received += data
    version, _, rest = received.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise Unhealthy("the answer is not HTTP")
    return int(rest[:3])


def _left(deadline: float) -> float:
    """Seconds until ``deadline``; never 0, which a socket would not wait for.

    :raises TimeoutError: it has passed.
    """
    left_seconds = deadline - time.monotonic()
    if left_seconds <= 0:
        raise TimeoutError("timed out")
    return left_seconds


def check(arguments: Sequence[str], environ: Mapping[str, str]) -> tuple[bool, str]:
    """Whether the daemon is well, and the line that says what it answered."""
    options = _options(arguments)
    path = "/readyz" if options.ready else "/ping"
    asked = path
    try:
        place = place_to_ask(load(environ, options.env_file, {}))
        asked = f"{path} at {place.text}"
        status = status_of(place, path, options.timeout)
    except OSError as error:
        return False, f"{asked}: {error.strerror or error}"
    except (ConfigError, Unhealthy) as error:
        return False, f"{asked}: {error}"
    return status == 200, f"{asked}: {status}"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m piecesd.health", description="Exits with 0 if the daemon answers, else 1."
    )
    parser.add_argument("--ready", action="store_true", help="ask /readyz instead of /ping")
    parser.add_argument("--env-file", type=Path, help="the daemon's; .env if there is one")
    parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT_SECONDS,
        metavar="SECONDS",
        help=f"that it may take, {TIMEOUT_SECONDS:g} if not given",
    )
    return parser.parse_args(arguments)


def main() -> int:
    """The exit status."""
    well, line = check(sys.argv[1:], os.environ)
    print(line, file=sys.stdout if well else sys.stderr)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
