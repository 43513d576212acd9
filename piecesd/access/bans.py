"""Who is banned, until when and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from piecesd.access.networks import IpAddress, IpNetwork, Networks, NetworkTable, shown

MAX_BANS = 10_000
"""More are not held: the one that ends first makes room."""

MAX_REASON_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Ban:
    """An address or a network that is kept out for a time.

    ``violations``: how many led to it; 0 where somebody decided it.
    ``reason`` is printable text on one line.

    :raises ValueError: it is not, or is longer than MAX_REASON_CHARACTERS.
    """

    network: IpNetwork
    since_unix: int
    until_unix: int
    violations: int
    reason: str

    def __post_init__(self) -> None:
        if len(self.reason) > MAX_REASON_CHARACTERS or not self.reason.isprintable():
            raise ValueError(self.reason)

    @property
    def address(self) -> str:
        """What is banned, in CIDR notation or as an address."""
        return shown(self.network)


@dataclass(kw_only=True, slots=True)
class Changes:
    """What was done to a list of bans since it was last brought into its file.

    ``all_lifted`` comes first, then ``by_network``: a ban, or None for one that
    was lifted.
    """

    all_lifted: bool = False
    by_network: dict[IpNetwork, Ban | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.all_lifted or bool(self.by_network)

    def applied_to(self, bans: Iterable[Ban]) -> list[Ban]:
        """The list that these changes make of ``bans``; of two bans of one
        network the later one holds."""
        if not self:
            return list(bans)
        outcome = {} if self.all_lifted else {ban.network: ban for ban in bans}
        for network, ban in self.by_network.items():
            outcome.pop(network, None)
            if ban is not None:
                outcome[network] = ban
        return list(outcome.values())

    def then(self, later: Changes) -> Changes:
        """Both, one after the other."""
        if later.all_lifted:
            return later
        return Changes(
            all_lifted=self.all_lifted, by_network={**self.by_network, **later.by_network}
        )


class BanList:
    """The bans there are.

    :param seconds: the clock, in Unix time.
    :param never: addresses that no ban holds for, also not one of a network
        around them.
    """

    def __init__(self, seconds: Callable[[], float], never: Networks) -> None:
        self._seconds = seconds
        self.never = never
        self._table: NetworkTable[Ban] = NetworkTable()
        self._changes = Changes()

    def __len__(self) -> int:
        """How many there are, some of which may just have ended."""
        return len(self._table)

    def find(self, address: IpAddress) -> Ban | None:
        """The ban that holds for ``address`` now, for longest if several do."""
        if not len(self._table) or address in self.never:
            return None
        now = self._seconds()
        bans = [ban for ban in self._table.covering(address) if ban.until_unix > now]
        return max(bans, key=_end, default=None)

    def current(self) -> list[Ban]:
        """Those that hold now, the newest last."""
        now = self._seconds()
        return sorted(
            (ban for ban in self._table.values() if ban.until_unix > now),
            key=lambda ban: ban.since_unix,
        )

    def add(self, ban: Ban) -> None:
        """Ban; an earlier ban of the same network gives way."""
        if self._table.get(ban.network) is None and len(self._table) >= MAX_BANS:
            self.lift(min(self._table.values(), key=_end).network)
        self._table[ban.network] = ban
        self._changes.by_network[ban.network] = ban

    def lift(self, network: IpNetwork) -> bool:
        """End the ban of this very network; whether there was one."""
        ban = self._table.pop(network)
        if ban is None:
            return False
        self._changes.by_network[network] = None
        return ban.until_unix > self._seconds()

    def lift_all(self) -> int:
        """End all; how many there were."""
        count = len(self.current())
        self._table = NetworkTable()
        self._changes = Changes(all_lifted=True)
        return count

    def forget_ended(self) -> None:
        now = self._seconds()
        for ban in self._table.values():
            if ban.until_unix <= now:
                self._table.pop(ban.network)

    # For whoever keeps them in a file.

    @property
    def is_changed(self) -> bool:
        """Whether there are changes that nobody has taken."""
        return bool(self._changes)

    def take_changes(self) -> Changes:
        """The changes since they were last taken."""
        taken, self._changes = self._changes, Changes()
        return taken

    def give_back(self, changes: Changes) -> None:
        """Have ``changes``, which could not be kept, taken once more."""
        self._changes = changes.then(self._changes)

    def adopt(self, bans: Iterable[Ban]) -> None:
        """Have these bans, and what was changed since changes were taken."""
        self._table = NetworkTable()
        held = self._changes.applied_to(bans)
        if len(held) > MAX_BANS:
            held = sorted(held, key=_end)[-MAX_BANS:]
        for ban in held:
            self._table[ban.network] = ban


def _end(ban: Ban) -> int:
    return ban.until_unix
