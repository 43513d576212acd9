"""Counts what strangers do wrong, and says when it is enough."""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv4Address
from math import ceil
from typing import Literal

from piecesd.access.bans import Ban
from piecesd.access.networks import IpAddress, IpNetwork, network_of

MAX_COUNTED = 10_000
"""Clients that are counted at a time; those who did nothing wrong for longest
are forgotten first."""

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


class Violations:
    """The violations of each client, within the time of the rules."""

    def __init__(self, rules: BanRules) -> None:
        self.rules = rules
        self._counts: OrderedDict[IpNetwork, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        """How many clients are counted."""
        return len(self._counts)

    def note(self, address: IpAddress, why: str, now_unix: float) -> Ban | None:
        """Count one; the ban it leads to, if it was one too many."""
        if self.rules.mode == "off":
            return None
        client = self.rules.client_of(address)
        first_unix, count = self._counts.pop(client, (now_unix, 0))
        if now_unix - first_unix > self.rules.window_seconds:
            first_unix, count = now_unix, 0
        count += 1
        if count < self.rules.threshold:
            self._counts[client] = (first_unix, count)
            if len(self._counts) > MAX_COUNTED:
                self._counts.popitem(last=False)
            return None
        return Ban(
            network=client,
            since_unix=int(now_unix),
            until_unix=ceil(now_unix + self.rules.duration_seconds),
            violations=count,
            reason=why,
        )
