"""Where the daemon listens, as an operator writes it: Twisted's endpoint strings.

An endpoint is its kind and its arguments, separated by colons, some of them
``name=value``. A backslash, or brackets as around an IPv6 address, make a colon
part of a value.
"""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from piecesd.config.address import is_loopback

_PART = re.compile(r"(?:\\.|\[[^\]]*\]|[^:\\])*")
_ESCAPE = re.compile(r"\\(.)")
_NAME = re.compile(r"([A-Za-z]+)=(.*)", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,9}")
_MODE = re.compile(r"0?[0-7]{3}")
_DEFAULT_BACKLOG = "1024"


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsFiles:
    """PEM files: the key, the certificate (more that follow it are its chain),
    and more of its chain."""

    private_key: Path
    certificate: Path
    extra_chain: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TcpEndpoint:
    """``host`` is an address; port 0 lets the system pick one."""

    host: str
    port: int
    backlog: int = int(_DEFAULT_BACKLOG)
    tls: TlsFiles | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UnixEndpoint:
    """A socket file; ``mode`` has its permissions."""

    path: Path
    mode: int = 0o666
    backlog: int = int(_DEFAULT_BACKLOG)


@dataclass(frozen=True, kw_only=True, slots=True)
class InheritedEndpoint:
    """A socket that systemd has opened, by its number or by its name."""

    domain: Literal["INET", "INET6", "UNIX"]
    index: int | None = None
    name: str | None = None
    backlog: int = int(_DEFAULT_BACKLOG)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListenEndpoint:
    """One place to listen at. ``text`` is how an operator knows it; ``proxied``:
    each connection begins with a PROXY header."""

    text: str
    place: TcpEndpoint | UnixEndpoint | InheritedEndpoint
    proxied: bool = False

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine gets to it, as far as that can be told."""
        if self.proxied or isinstance(self.place, InheritedEndpoint):
            return False
        return isinstance(self.place, UnixEndpoint) or is_loopback(self.place.host)

    @property
    def tls(self) -> TlsFiles | None:
        """What it speaks TLS with, if it does."""
        return self.place.tls if isinstance(self.place, TcpEndpoint) else None

    @classmethod
    def tcp(cls, host: str, port: int) -> "ListenEndpoint":
        """A plain TCP port."""
        shown_host = f"[{host}]" if ":" in host else host
        return cls(text=f"{shown_host}:{port}", place=TcpEndpoint(host=host, port=port))

    @classmethod
    def parse(cls, text: str) -> "ListenEndpoint":
        """Read an endpoint string.

        :raises ValueError: it is none, or of a kind that is not known here.
        """
        kind, *parts = _split(text)
        proxied = kind == "haproxy"
        if proxied:
            if not parts:
                raise ValueError("nothing is proxied")
            kind, *parts = parts
        arguments = _Arguments(parts)
        place: TcpEndpoint | UnixEndpoint | InheritedEndpoint
        match kind:
            case "tcp" | "tcp6" | "ssl":
                place = _tcp(kind, arguments)
            case "unix":
                place = _unix(arguments)
            case "systemd":
                place = _inherited(arguments)
            case _:
                raise ValueError(f"unknown kind {kind!r}")
        arguments.end()
        return cls(text=text, place=place, proxied=proxied)


def _split(text: str) -> list[str]:
    parts = []
    position = -1
    while position < len(text):
        match = _PART.match(text, position + 1)
        assert match is not None
        if match.end() < len(text) and text[match.end()] != ":":
            raise ValueError("a backslash at the end")
        parts.append(match[0])
        position = match.end()
    return parts


class _Arguments:
    """Takes arguments by place or name, each once."""

    def __init__(self, parts: list[str]) -> None:
        self._by_place: list[str] = []
        self._by_name: dict[str, str] = {}
        for part in parts:
            named = _NAME.fullmatch(part)
            if named is None:
                self._by_place.append(_ESCAPE.sub(r"\1", part))
            elif named[1] in self._by_name:
                raise ValueError(f"{named[1]} twice")
            else:
                self._by_name[named[1]] = _ESCAPE.sub(r"\1", named[2])

    def first(self, name: str) -> str:
        """The argument that stands first, or under its name."""
        value = self._by_place.pop(0) if self._by_place else self._by_name.pop(name, "")
        if not value:
            raise ValueError(f"no {name}")
        return value

    def named(self, name: str, default: str = "") -> str:
        return self._by_name.pop(name, default)

    def end(self) -> None:
        if self._by_place or self._by_name:
            raise ValueError("an argument too many")


def _number(text: str, maximum: int) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > maximum:
        raise ValueError(text)
    return int(text)


def _path(text: str) -> Path:
    if not text:
        raise ValueError("no path")
    return Path(text).absolute()


def _tcp(kind: str, arguments: _Arguments) -> TcpEndpoint:
    port = _number(arguments.first("port"), 65535)
    host = arguments.named("interface").removeprefix("[").removesuffix("]")
    if not host:
        host = "::" if kind == "tcp6" else "0.0.0.0"  # noqa: S104 as Twisted reads it
    backlog = _number(arguments.named("backlog", _DEFAULT_BACKLOG), 65535)
    tls = None
    if kind == "ssl":
        private_key = arguments.named("privateKey")
        chain = arguments.named("extraCertChain")
        tls = TlsFiles(
            private_key=_path(private_key),
            certificate=_path(arguments.named("certKey", private_key)),
            extra_chain=_path(chain) if chain else None,
        )
    return TcpEndpoint(host=str(ipaddress.ip_address(host)), port=port, backlog=backlog, tls=tls)


def _unix(arguments: _Arguments) -> UnixEndpoint:
    path = _path(arguments.first("address"))
    mode = arguments.named("mode", "666")
    if not _MODE.fullmatch(mode):
        raise ValueError(f"mode {mode!r}")
    backlog = _number(arguments.named("backlog", _DEFAULT_BACKLOG), 65535)
    return UnixEndpoint(path=path, mode=int(mode, 8), backlog=backlog)


def _inherited(arguments: _Arguments) -> InheritedEndpoint:
    domain = arguments.named("domain")
    index, name = arguments.named("index"), arguments.named("name")
    if domain not in ("INET", "INET6", "UNIX") or bool(index) == bool(name):
        raise ValueError("domain and one of index and name")
    return InheritedEndpoint(
        domain=domain,  # type: ignore[arg-type]  # checked just now
        index=_number(index, 1000) if index else None,
        name=name or None,
    )
