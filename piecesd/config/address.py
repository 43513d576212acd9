"""Where an upstream service is, as an operator writes it."""

import ipaddress
import re
from dataclasses import dataclass

_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})")
_PORT = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamAddress:
    """A host (a name, an IPv4 or a bare IPv6 address), a port from 1 to 65535,
    and whether the connection is TLS."""

    host: str
    port: int
    tls: bool

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
        ``grpc://host:port`` (plaintext).

        :raises ValueError: it is none of these.
        """
        scheme, separator, rest = text.rpartition("://")
        if separator and scheme.lower() not in {"grpc", "grpcs"}:
            raise ValueError("unknown scheme")
        host, _, port_text = rest.removesuffix("/").rpartition(":")
        if not _PORT.fullmatch(port_text) or not 1 <= int(port_text) <= 65535:
            raise ValueError("no port from 1 to 65535")
        if host.startswith("[") and host.endswith("]"):
            host = str(ipaddress.IPv6Address(host[1:-1]))
        elif not _HOST_NAME.fullmatch(host):
            raise ValueError("no host")
        return cls(host=host, port=int(port_text), tls=scheme.lower() != "grpc")


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
