"""The kinds of values that settings have: how each is read, what it allows.

A kind's ``read`` gets text without surrounding blanks and without control
characters, and raises ValueError for what is not allowed. Bounds are inclusive.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Generic, Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from piecesd.config.address import UpstreamAddress
from piecesd.config.listen import ListenEndpoint

T = TypeVar("T")

CpuAffinity = Literal["auto", "off"] | frozenset[int]
"""``auto``: the daemon picks one core; ``off``: it keeps away from the matter;
else the numbers of the cores to stay on."""

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_WHOLE = re.compile(r"[0-9]{1,15}")
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?|\.[0-9]{1,15}")
_SIZE = re.compile(r"([0-9]{1,15}) ?(b|kib|mib|gib)?", re.IGNORECASE)
_UNIT_BYTES = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_VISIBLE_ASCII = re.compile(r"[!-~]+")
_PREFIX = re.compile(r"[A-Za-z0-9._~/-]*")
_ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^/?#@\s]+")
_FIXED_OFFSET_ZONE = re.compile(r"[A-Za-z]{3,8}[+-]?[0-9]{1,2}(:[0-5][0-9])?")
_CPUS = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")
_CPU_COUNT = 1024  # what sched_setaffinity(2) holds in a cpu_set_t


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind(Generic[T]):
    """How a value is read from text.

    ``allowed`` completes the sentence "allowed is …". Where ``takes_empty`` is
    false, an empty value stands for the setting's default. What a shell may
    offer for a value are its ``choices``, or files if ``is_file``.
    """

    read: Callable[[str], T]
    allowed: str
    takes_empty: bool = False
    choices: tuple[str, ...] = ()
    is_file: bool = False


def boolean() -> Kind[bool]:
    def read(text: str) -> bool:
        word = text.lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise ValueError(text)

    return Kind(read=read, allowed="true/false, yes/no, on/off or 1/0")


def whole(minimum: int, maximum: int) -> Kind[int]:
    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not minimum <= int(text) <= maximum:
            raise ValueError(text)
        return int(text)

    return Kind(read=read, allowed=f"a whole number from {minimum} to {maximum}")


def whole_or_empty(minimum: int, maximum: int) -> Kind[int | None]:
    """As `whole`; an empty value reads as None (whoever reads it decides)."""
    bounded = whole(minimum, maximum)
    return Kind(
        read=lambda text: bounded.read(text) if text else None,
        allowed=f"{bounded.allowed}, or empty",
        takes_empty=True,
    )


def seconds(minimum: float, maximum: float) -> Kind[float]:
    """A duration in seconds, fractions too."""

    def read(text: str) -> float:
        if not _DECIMAL.fullmatch(text) or not minimum <= float(text) <= maximum:
            raise ValueError(text)
        return float(text)

    return Kind(read=read, allowed=f"seconds from {minimum:.10g} to {maximum:.10g}")


def seconds_or_never(minimum: float, maximum: float) -> Kind[float | None]:
    """As `seconds`; 0 reads as None."""
    bounded = seconds(minimum, maximum)

    def read(text: str) -> float | None:
        if _DECIMAL.fullmatch(text) and float(text) == 0:
            return None
        return bounded.read(text)

    return Kind(read=read, allowed=f"{bounded.allowed}, or 0 for never")


def size(minimum: str, maximum: str) -> Kind[int]:
    """A number of bytes; the bounds are written as values are."""

    def count_bytes(text: str) -> int:
        match = _SIZE.fullmatch(text)
        if not match:
            raise ValueError(text)
        return int(match[1]) * _UNIT_BYTES[(match[2] or "").lower()]

    def read(text: str) -> int:
        if not count_bytes(minimum) <= (bytes_ := count_bytes(text)) <= count_bytes(maximum):
            raise ValueError(text)
        return bytes_

    allowed = f"bytes from {minimum} to {maximum}, as a number or with KiB, MiB or GiB"
    return Kind(read=read, allowed=allowed)


def size_or_never(minimum: str, maximum: str) -> Kind[int | None]:
    """As `size`; 0 reads as None."""
    bounded = size(minimum, maximum)

    def read(text: str) -> int | None:
        return None if text == "0" else bounded.read(text)

    return Kind(read=read, allowed=f"{bounded.allowed}; or 0 for never")


def text() -> Kind[str]:
    return Kind(read=str, allowed="any text on one line", takes_empty=True)


def path_prefix() -> Kind[str]:
    """A path that begins and ends with a slash, whichever of them is written."""

    def read(text: str) -> str:
        inner = text.removeprefix("/").removesuffix("/")
        if not _PREFIX.fullmatch(text) or (
            inner and not {"", ".", ".."}.isdisjoint(inner.split("/"))
        ):
            raise ValueError(text)
        return f"/{inner}/" if inner else "/"

    return Kind(
        read=read,
        allowed="a path of letters, digits and - . _ ~, such as /v1/; / or empty for none",
        takes_empty=True,
    )


def _read_secret(text: str) -> str:
    if not _VISIBLE_ASCII.fullmatch(text):
        raise ValueError
    return text


def secret() -> Kind[str | None]:
    """What goes into an ``authorization`` header."""
    return Kind(
        read=lambda text: _read_secret(text) if text else None,
        allowed="visible ASCII characters without blanks; empty for none",
        takes_empty=True,
    )


def secrets() -> Kind[tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_read_secret(key) for key in _list(text)))

    return Kind(
        read=read,
        allowed="keys of visible ASCII characters, comma-separated; empty for none",
        takes_empty=True,
    )


def interface() -> Kind[str]:
    """An address to listen on; "" stays "" (whoever reads it decides)."""

    def read(text: str) -> str:
        if text.lower() == "localhost":
            return "127.0.0.1"
        return str(ipaddress.ip_address(text)) if text else ""

    return Kind(read=read, allowed="an IPv4 or IPv6 address, or localhost", takes_empty=True)


def listening_address() -> Kind[ListenEndpoint | None]:
    """An IP address and a port to listen on."""

    def read(text: str) -> ListenEndpoint | None:
        if not text:
            return None
        host, _, port_text = text.rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = str(ipaddress.IPv6Address(host[1:-1]))
        elif host and host.lower() != "localhost":
            host = str(ipaddress.IPv4Address(host))
        else:
            host = "127.0.0.1"
        return ListenEndpoint.tcp(host, whole(0, 65535).read(port_text))

    return Kind(
        read=read,
        allowed="a port, or an IP address and a port such as 127.0.0.1:9187 (IPv6 in brackets); "
        "empty for none",
        takes_empty=True,
    )


def listen_endpoints() -> Kind[tuple[ListenEndpoint, ...]]:
    """Endpoint strings, separated by blanks."""

    def read(text: str) -> tuple[ListenEndpoint, ...]:
        endpoints = tuple(map(ListenEndpoint.parse, text.split()))
        if len({endpoint.text for endpoint in endpoints}) < len(endpoints):
            raise ValueError("an endpoint stands there twice")
        return endpoints

    return Kind(
        read=read,
        allowed="endpoints such as tcp:8787:interface=127.0.0.1, tcp6:8787, "
        "unix:/path/socket:mode=660, ssl:443:privateKey=/path/key.pem:certKey=/path/cert.pem or "
        "systemd:domain=INET:index=0, each with haproxy: before it or not, separated by blanks "
        "and none twice; empty for HOST and PORT",
        takes_empty=True,
    )


def upstream_addresses() -> Kind[tuple[UpstreamAddress, ...]]:
    def read(text: str) -> tuple[UpstreamAddress, ...]:
        addresses = tuple(UpstreamAddress.parse(part) for part in _list(text))
        if len({address.target for address in addresses}) < len(addresses):
            raise ValueError("an address stands there twice")
        return addresses

    return Kind(
        read=read,
        allowed="host:port or grpcs://host:port for TLS, grpc://host:port for plaintext "
        "(IPv6 in brackets), each with ;weight=1 to 1000 or not, comma-separated and none "
        "twice; empty for none",
        takes_empty=True,
    )


def file_path() -> Kind[Path | None]:
    """A path, made absolute so that it outlives a change of directory."""

    def read(text: str) -> Path | None:
        if not text:
            return None
        try:
            return Path(text).absolute()
        except OSError as error:
            raise ValueError(text) from error

    return Kind(read=read, allowed="a path; empty for none", takes_empty=True, is_file=True)


def store() -> Kind[Path | Literal["memory", "off"]]:
    """A file, or one of two words that stand for none."""
    any_path = file_path()

    def read(text: str) -> Path | Literal["memory", "off"]:
        match text.lower():
            case "memory" | "off" as word:
                return word
        path = any_path.read(text)
        if path is None:
            raise ValueError(text)
        return path

    return Kind(read=read, allowed="memory, off or the path of a file")


def readable_file() -> Kind[Path | None]:
    """As `file_path`, and the file is there and can be read."""
    any_path = file_path()

    def read(text: str) -> Path | None:
        path = any_path.read(text)
        try:
            if path is not None and not (path.is_file() and os.access(path, os.R_OK)):
                raise ValueError(text)
        except OSError as error:
            raise ValueError(text) from error
        return path

    return Kind(
        read=read,
        allowed="a file that can be read; empty for none",
        takes_empty=True,
        is_file=True,
    )


def time_zone() -> Kind[str]:
    """What the environment variable TZ may hold (POSIX.1-2017 §8.3), of its
    two forms with rules only the database's."""

    def read(text: str) -> str:
        name = text.removeprefix(":")
        if not name or _FIXED_OFFSET_ZONE.fullmatch(name):
            return text
        try:
            if name.startswith("/"):
                with Path(name).open("rb") as file:
                    ZoneInfo.from_file(file)
            else:
                ZoneInfo(name)
        except (KeyError, OSError) as error:
            raise ValueError(text) from error
        return text

    return Kind(
        read=read,
        allowed="a zone this system knows such as Asia/Shanghai, or a fixed offset such as "
        "CST-8; empty for the system's own",
        takes_empty=True,
    )


def cpu_affinity() -> Kind[CpuAffinity]:
    def read(text: str) -> CpuAffinity:
        match text.lower():
            case "auto":
                return "auto"
            case "off":
                return "off"
        cpus: set[int] = set()
        for part in text.split(","):
            match_ = _CPUS.fullmatch(part.strip())
            if not match_:
                raise ValueError(text)
            first, last = int(match_[1]), int(match_[2] or match_[1])
            if not first <= last < _CPU_COUNT:
                raise ValueError(text)
            cpus.update(range(first, last + 1))
        return frozenset(cpus)

    return Kind(read=read, allowed="auto, off or a list of cores such as 0,2-3")


def workers() -> Kind[int]:
    """How many processes; ``auto`` is one for each core this one may use."""

    def read(text: str) -> int:
        if text.lower() == "auto":
            return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        return whole(1, 256).read(text)

    return Kind(read=read, allowed="a whole number from 1 to 256, or auto")


def one_of(*words: T) -> Kind[T]:
    """One of a few words, in any case."""
    known = {str(word): word for word in words}

    def read(text: str) -> T:
        if text.lower() not in known:
            raise ValueError(text)
        return known[text.lower()]

    return Kind(read=read, allowed=" or ".join(known), choices=tuple(known))


def origins() -> Kind[tuple[str, ...]]:
    """Web origins as browsers send them (RFC 6454 §6.2), in lower case."""

    def read(text: str) -> tuple[str, ...]:
        listed = tuple(origin.lower().removesuffix("/") for origin in _list(text))
        if not all(_ORIGIN.fullmatch(origin) for origin in listed):
            raise ValueError(text)
        return listed

    return Kind(
        read=read,
        allowed="origins such as https://chat.example, comma-separated; * for any, empty for none",
        takes_empty=True,
    )


def base_url() -> Kind[str | None]:
    """An HTTP URL without a slash at its end."""

    def read(text: str) -> str | None:
        if not text:
            return None
        url = urlsplit(text)
        plain = not (url.query or url.fragment or "@" in url.netloc or " " in text)
        if url.scheme not in {"http", "https"} or not url.hostname or not plain or url.port == 0:
            raise ValueError(text)
        return text.rstrip("/?#")

    return Kind(
        read=read,
        allowed="an http:// or https:// URL without user, password, query or fragment; "
        "empty for none",
        takes_empty=True,
    )


def redis_url() -> Kind[str | None]:
    """As the redis client reads it: ``redis://user:password@host:port/database``."""

    def read(text: str) -> str | None:
        if not text:
            return None
        url = urlsplit(text)
        plain = not (url.query or url.fragment or " " in text)
        database = url.path.removeprefix("/")
        if (
            url.scheme not in {"redis", "rediss"}
            or not url.hostname
            or url.port == 0
            or not plain
            or (database and not _WHOLE.fullmatch(database))
        ):
            raise ValueError(text)
        return text

    return Kind(
        read=read,
        allowed="redis://host:port/database, or rediss:// for TLS, each with user:password@ "
        "before the host or not; empty for none",
        takes_empty=True,
    )


def model_map() -> Kind[Mapping[str, str]]:
    def read(text: str) -> Mapping[str, str]:
        names: dict[str, str] = {}
        for pair in _list(text):
            ours, _, theirs = (part.strip() for part in pair.partition("="))
            if not ours or not theirs or ours in names:
                raise ValueError(text)
            names[ours] = theirs
        return MappingProxyType(names)

    return Kind(
        read=read,
        allowed="pairs such as gpt-4o=llama3,*=qwen2, each model once; empty for none",
        takes_empty=True,
    )


def _list(text: str) -> list[str]:
    """The items of a comma-separated list; empty ones don't count."""
    return [item for part in text.split(",") if (item := part.strip())]
