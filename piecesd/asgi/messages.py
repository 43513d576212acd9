"""What an ASGI server says of a request, as HTTP/1.1 bytes for our own strict
reader. Values in, bytes out. (The ASGI specification, HTTP & WebSocket 2.4.)

What is written here is checked by the rules that it is read by, so no header or
path can bring a line, or a request, of its own.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from ipaddress import IPv6Address as IPv6
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from piecesd.http.framing import read_header_line, read_request_line

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Headers of one connection (RFC 9110 §7.6.1), which is the server's affair."""

_NOT_PASSED_ON = HOP_BY_HOP | {b"expect"}
"""The server says ``100 Continue`` itself."""

_SAFE_IN_PATH = "/!$&'()*+,;=:@~"
LAST_CHUNK = b"0\r\n\r\n"


def has_length(scope: Mapping[str, Any]) -> bool:
    """Whether the header says how long the body is."""
    return any(name.lower() == b"content-length" for name, _ in scope["headers"])


def request_header(scope: Mapping[str, Any], *, chunked: bool) -> bytes:
    """The request line and the header lines, to the empty one.

    The connection is to close after the answer: no other request follows.

    :param chunked: the body comes as `chunk` makes it.
    :raises NotHttp: this is nothing that HTTP can say.
    """
    request_line = b"%b %b HTTP/1.1" % (scope["method"].encode("utf-8"), _target(scope))
    read_request_line(request_line)
    lines = [
        b"%b: %b" % (name, value)
        for name, value in scope["headers"]
        if name.lower() not in _NOT_PASSED_ON
    ]
    if not any(name.lower() == b"host" for name, _ in scope["headers"]):
        lines.append(b"host: localhost")  # HTTP/1.0 and HTTP/2 need none
    if chunked:
        lines.append(b"transfer-encoding: chunked")
    lines.append(b"connection: close")
    for line in lines:
        read_header_line(line)
    return b"\r\n".join([request_line, *lines, b"", b""])


def chunk(data: bytes) -> bytes:
    """``data`` as a part of a chunked body; not empty."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def peer(scope: Mapping[str, Any]) -> IAddress:
    """Whom the server has this request from; an unnamed socket where it tells no
    IP address, as behind a socket file."""
    host, port = scope.get("client") or ("", 0)
    try:
        address = ip_address(host)
    except ValueError:
        return UNIXAddress(None)
    kind = IPv6Address if isinstance(address, IPv6) else IPv4Address
    return kind("TCP", host, port)


def _target(scope: Mapping[str, Any]) -> bytes:
    """The path, as it is below where the application is mounted, and the query."""
    raw = scope.get("raw_path")
    path: bytes = raw if raw else quote(scope["path"], safe=_SAFE_IN_PATH).encode("ascii")
    root = quote(scope.get("root_path", "").rstrip("/"), safe=_SAFE_IN_PATH).encode("ascii")
    if root and path.startswith(root + b"/"):
        path = path[len(root) :]
    query: bytes = scope.get("query_string", b"")
    return b"%b?%b" % (path, query) if query else path
