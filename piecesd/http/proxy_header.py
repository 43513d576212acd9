"""The header by which a proxy says for whom it speaks: the PROXY protocol,
versions 1 and 2 (haproxy's doc/proxy-protocol.txt). Values in, values out."""

import ipaddress
import re
import struct
from dataclasses import dataclass

_SIGNATURE_2 = b"\r\n\r\n\x00\r\nQUIT\n"
_START_1 = b"PROXY "
_MAX_BYTES_1 = 107
_MAX_BYTES_2 = 4096
"""The addresses and what extensions a proxy may add; the length field would
allow sixteen times as much."""

_LINE_1 = re.compile(rb"PROXY (TCP4|TCP6) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) ([0-9]+) ([0-9]+)")
_UNKNOWN_1 = re.compile(rb"PROXY UNKNOWN(?: [ -~]*)?")
_FORMATS_2 = {0x11: struct.Struct("!4s4sHH"), 0x21: struct.Struct("!16s16sHH")}
_LOCAL, _PROXY = 0x20, 0x21

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotAProxyHeader(ValueError):
    """A connection does not begin as the PROXY protocol wants it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyHeader:
    """``source`` is the client's address and port; None where the proxy speaks
    for itself, or for a client that is not of TCP. ``length_bytes`` is the
    header's own length."""

    source: tuple[IpAddress, int] | None
    length_bytes: int


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """The header at the begin of ``data``; None while it is not whole.

    :raises NotAProxyHeader: whatever follows, it is none.
    """
    if data.startswith(_SIGNATURE_2):
        return _read_2(data)
    if data.startswith(_START_1):
        return _read_1(data)
    if _SIGNATURE_2.startswith(data) or _START_1.startswith(data):
        return None
    raise NotAProxyHeader


def _read_1(data: bytes) -> ProxyHeader | None:
    line, end, _ = data[:_MAX_BYTES_1].partition(b"\r\n")
    if not end:
        if len(data) >= _MAX_BYTES_1 or b"\n" in line:
            raise NotAProxyHeader
        return None
    length_bytes = len(line) + 2
    if _UNKNOWN_1.fullmatch(line):
        return ProxyHeader(source=None, length_bytes=length_bytes)
    match = _LINE_1.fullmatch(line)
    if match is None:
        raise NotAProxyHeader
    version = 4 if match[1] == b"TCP4" else 6
    try:
        source, destination = (ipaddress.ip_address(match[n].decode()) for n in (2, 3))
    except ValueError:
        raise NotAProxyHeader from None
    port = int(match[4])
    if {source.version, destination.version} != {version} or max(port, int(match[5])) > 65535:
        raise NotAProxyHeader
    return ProxyHeader(source=(source, port), length_bytes=length_bytes)


def _read_2(data: bytes) -> ProxyHeader | None:
    if len(data) < 16:
        return None
    command, family, rest_bytes = struct.unpack_from("!BBH", data, 12)
    length_bytes = 16 + rest_bytes
    if command not in (_LOCAL, _PROXY) or length_bytes > _MAX_BYTES_2:
        raise NotAProxyHeader
    if len(data) < length_bytes:
        return None
    layout = _FORMATS_2.get(family)
    if command == _LOCAL or layout is None:
        return ProxyHeader(source=None, length_bytes=length_bytes)
    if rest_bytes < layout.size:
        raise NotAProxyHeader
    source, _destination, port, _port = layout.unpack_from(data, 16)
    return ProxyHeader(source=(ipaddress.ip_address(source), port), length_bytes=length_bytes)
