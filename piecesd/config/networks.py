"""The kinds of values that say who may come in; `piecesd.config.kinds` has the
others."""

from typing import Literal, TypeAlias

from piecesd.access.networks import IpNetwork, parse_network
from piecesd.config.kinds import Kind

Proxy: TypeAlias = IpNetwork | Literal["unix"]
"""``unix``: whatever connects on a unix socket."""


def networks() -> Kind[tuple[IpNetwork, ...]]:
    def read(text: str) -> tuple[IpNetwork, ...]:
        return tuple(parse_network(item) for item in _items(text))

    return Kind(
        read=read,
        allowed="IPv4 and IPv6 addresses and networks such as 192.0.2.0/24, comma-separated; "
        "empty for none",
        takes_empty=True,
    )


def proxies() -> Kind[tuple[Proxy, ...]]:
    """As `networks`; the word ``unix`` may stand among them."""

    def read(text: str) -> tuple[Proxy, ...]:
        return tuple(
            "unix" if item.lower() == "unix" else parse_network(item) for item in _items(text)
        )

    return Kind(
        read=read,
        allowed="IPv4 and IPv6 addresses, networks such as 10.0.0.0/8 and the word unix, "
        "comma-separated; empty for none",
        takes_empty=True,
    )


def ban_mode() -> Kind[Literal["off", "single", "subnet"]]:
    def read(text: str) -> Literal["off", "single", "subnet"]:
        match text.lower():
            case "off":
                return "off"
            case "single":
                return "single"
            case "subnet":
                return "subnet"
        raise ValueError(text)

    modes = ("off", "single", "subnet")
    return Kind(read=read, allowed="off, single or subnet", choices=modes)


def _items(text: str) -> list[str]:
    return [item for part in text.split(",") if (item := part.strip())]
