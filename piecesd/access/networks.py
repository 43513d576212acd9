"""IP addresses and networks: how they are written, and which lies in which."""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Generic, TypeAlias, TypeVar

IpAddress: TypeAlias = IPv4Address | IPv6Address
IpNetwork: TypeAlias = IPv4Network | IPv6Network

V = TypeVar("V")

_Key: TypeAlias = tuple[int, int, int]

LOOPBACK: tuple[IpNetwork, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

_MAPPED_BITS = 96


@lru_cache(maxsize=4096)
def parse_address(text: str) -> IpAddress:
    """The address that ``text`` stands for; one of IPv4 that is mapped into
    IPv6 (RFC 4291 §2.5.5.2) as what it is.

    :raises ValueError: it is none, or has a zone (RFC 4007), whose name could
        be anything.
    """
    if "%" in text:
        raise ValueError(text)
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def parse_network(text: str) -> IpNetwork:
    """The network that CIDR notation (RFC 4632 §3.1) stands for; an address
    alone is a network of one.

    :raises ValueError: it is none, has a zone, or bits set beyond its prefix.
    """
    if "%" in text:
        raise ValueError(text)
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network


def network_of(address: IpAddress, prefix_bits: int) -> IpNetwork:
    """The network of that size that ``address`` lies in."""
    if isinstance(address, IPv4Address):
        return IPv4Network((address, prefix_bits), strict=False)
    return IPv6Network((address, prefix_bits), strict=False)


def shown(network: IpNetwork) -> str:
    """CIDR notation; a network of one address is that address."""
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return str(network)


class NetworkTable(Generic[V]):
    """A value for each of some networks, to be found by address.

    A look costs one dict lookup for each length of prefix that occurs, however
    many networks there are.
    """

    def __init__(self) -> None:
        self._values: dict[_Key, V] = {}
        self._prefixes: dict[int, Counter[int]] = {4: Counter(), 6: Counter()}

    def __len__(self) -> int:
        return len(self._values)

    def __setitem__(self, network: IpNetwork, value: V) -> None:
        key = _key(network)
        if key not in self._values:
            self._prefixes[network.version][network.prefixlen] += 1
        self._values[key] = value

    def get(self, network: IpNetwork) -> V | None:
        """The value of this very network."""
        return self._values.get(_key(network))

    def pop(self, network: IpNetwork) -> V | None:
        """Take this very network out; its value, if it was there."""
        value = self._values.pop(_key(network), None)
        if value is not None:
            prefixes = self._prefixes[network.version]
            prefixes[network.prefixlen] -= 1
            if not prefixes[network.prefixlen]:
                del prefixes[network.prefixlen]
        return value

    def values(self) -> list[V]:
        return list(self._values.values())

    def covering(self, address: IpAddress) -> Iterator[V]:
        """The values of all networks that ``address`` lies in."""
        number, bits = int(address), address.max_prefixlen
        for prefix in self._prefixes[address.version]:
            value = self._values.get((address.version, prefix, number >> (bits - prefix)))
            if value is not None:
                yield value


class Networks:
    """A set of networks."""

    def __init__(self, networks: Iterable[IpNetwork] = ()) -> None:
        self._table: NetworkTable[IpNetwork] = NetworkTable()
        for network in networks:
            self._table[network] = network

    def __bool__(self) -> bool:
        return len(self._table) > 0

    def __contains__(self, address: IpAddress) -> bool:
        """Whether ``address`` lies in one of them."""
        return any(True for _ in self._table.covering(address))

    def hold(self, network: IpNetwork) -> bool:
        """Whether all of ``network`` lies in one of them."""
        covering = self._table.covering(network.network_address)
        return any(each.prefixlen <= network.prefixlen for each in covering)


def _key(network: IpNetwork) -> _Key:
    host_bits = network.max_prefixlen - network.prefixlen
    return network.version, network.prefixlen, int(network.network_address) >> host_bits
