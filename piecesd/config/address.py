"""Where an upstream service is, as an operator writes it."""

import ipaddress
import re
from dataclasses import dataclass

_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})")
_PORT = re.compile(r"[0-9]{1,5}")
_WEIGHT = re.compile(r"weight=([1-9][0-9]{0,2}|1000)")


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamAddress:
    """A host (a name, an IPv4 or a bare IPv6 address), a port from 1 to 65535,
    and whether the connection is TLS.

    ``weight`` is its share of the calls beside other addresses, from 1 to 1000.
    """

    host: str
    port: int
    tls: bool
    weight: int = 1

    @property
    def target(self) -> str:
        """``host:port``, an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it can only be this machine."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"{'grpcs' if self.tls else 'grpc'}://{self.target}"

    @classmethod
    def parse(cls, text: str) -> "UpstreamAddress":
        """Read ``host:port``, ``grpcs://host:port`` (both TLS) or
        ``grpc://host:port`` (plaintext), with ``;weight=N`` behind it or not.

        :raises ValueError: it is none of these.
        """
        text, semicolon, weight_text = text.partition(";")
        if semicolon and not _WEIGHT.fullmatch(weight_text.strip()):
            raise ValueError("what follows a semicolon is weight=1 to 1000")
        weight = int(weight_text.rpartition("=")[2]) if semicolon else 1
        scheme, separator, rest = text.strip().rpartition("://")
        if separator and scheme.lower() not in {"grpc", "grpcs"}:
            raise ValueError("unknown scheme")
        host, _, port_text = rest.removesuffix("/").rpartition(":")
        if not _PORT.fullmatch(port_text) or not 1 <= int(port_text) <= 65535:
            raise ValueError("no port from 1 to 65535")
        if host.startswith("[") and host.endswith("]"):
            host = str(ipaddress.IPv6Address(host[1:-1]))
        elif not _HOST_NAME.fullmatch(host):
            raise ValueError("no host")
        return cls(host=host, port=int(port_text), tls=scheme.lower() != "grpc", weight=weight)


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
