"""Counts what strangers do wrong, and says when it is enough."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from math import ceil
from typing import Literal, Protocol

from piecesd.access.bans import Ban
from piecesd.access.networks import IpAddress, IpNetwork, network_of, shown
from piecesd.shared.tables import MemoryTable

MAX_COUNTED = 10_000
"""Clients that are counted at a time; those whose first violation is oldest are
forgotten first."""

BanMode = Literal["off", "single", "subnet"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BanRules:
    """When clients are banned, and for how long.

    The ``threshold``-th violation within ``window_seconds`` of the first bans
    for ``duration_seconds``. In the mode ``single`` one client is one address
    of IPv4, in ``subnet`` a network of ``ipv4_prefix_bits``. In both it is a
    network of ``ipv6_prefix_bits``: who has one address of IPv6 has as many as
    he likes in there (docs/decisions/031).
    """

    mode: BanMode = "off"
    threshold: int = 10
    window_seconds: float = 600
    duration_seconds: float = 3600
    ipv4_prefix_bits: int = 24
    ipv6_prefix_bits: int = 64

    def client_of(self, address: IpAddress) -> IpNetwork:
        """The network that counts as one client."""
        if isinstance(address, IPv4Address):
            return network_of(address, 32 if self.mode == "single" else self.ipv4_prefix_bits)
        return network_of(address, self.ipv6_prefix_bits)


class ViolationCounts(Protocol):
    """Counts the violations of each client, within the time of the rules."""

    def add(self, client: IpNetwork) -> int:
        """Count one more of ``client``; how many there are now. After one that
        bans, counting begins anew."""


class MemoryCounts:
    """Counts of this process."""

    def __init__(self, rules: BanRules, seconds: Callable[[], float]) -> None:
        self._rules = rules
        self._seconds = seconds
        self._table = MemoryTable(seconds, max_rows=MAX_COUNTED)

    def __len__(self) -> int:
        """How many clients are counted."""
        return len(self._table)

    def add(self, client: IpNetwork) -> int:
        key = shown(client)
        count = self._table.add(key, 1, self._seconds() + self._rules.window_seconds)
        if count >= self._rules.threshold:
            self._table.remove(key)
        return count


class Violations:
    """Says when clients are banned.

    :param seconds: the clock, in Unix time.
    :param counts: those of several processes; None for this one's own.
    """

    def __init__(
        self,
        rules: BanRules,
        seconds: Callable[[], float],
        counts: ViolationCounts | None = None,
    ) -> None:
        self.rules = rules
        self._seconds = seconds
        self._counts = counts or MemoryCounts(rules, seconds)

    def note(self, address: IpAddress, why: str) -> Ban | None:
        """Count one; the ban it leads to, if it was one too many."""
        if self.rules.mode == "off":
            return None
        client = self.rules.client_of(address)
        count = self._counts.add(client)
        if count < self.rules.threshold:
            return None
        now_unix = self._seconds()
        return Ban(
            network=client,
            since_unix=int(now_unix),
            until_unix=ceil(now_unix + self.rules.duration_seconds),
            violations=count,
            reason=why,
        )
