"""When the channel pool grows, shrinks and replaces: a pure policy.

A snapshot of the pool goes in, a plan comes out; `piecesd.upstream.channels`
takes the snapshots and does what the plans say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

STREAMS_PER_CHANNEL = 100
"""What counts as a channel's capacity. RFC 9113 §6.5.2 recommends that servers
allow no fewer concurrent streams on a connection, and most allow just that;
a call past their limit would wait inside gRPC, unseen."""

GROW_ABOVE = 0.8
SHRINK_BELOW = 0.3
STEP = 0.25

STUCK_AFTER_SECONDS = 30.0
"""How long a channel may go on failing to connect before it is replaced. gRPC
tries again by itself, at most ten seconds apart, so by then it has had chances."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelState:
    """One channel in a snapshot. ``failing_seconds``: how long it has been in
    TRANSIENT_FAILURE. ``dead``: it is in SHUTDOWN and will not come back.
    ``draining``: it takes no new calls and is closed after its last one."""

    number: int
    in_flight: int
    failing_seconds: float = 0.0
    dead: bool = False
    draining: bool = False

    @property
    def broken(self) -> bool:
        return self.dead or self.failing_seconds >= STUCK_AFTER_SECONDS


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What to do: open so many channels, and let these (by number) take no more
    calls. A draining channel is closed once no call is on it, never before."""

    open: int = 0
    drain: frozenset[int] = frozenset()


def plan(channels: Sequence[ChannelState], *, minimum: int, maximum: int) -> Plan:
    """Decide about a pool that shall have ``minimum`` to ``maximum`` channels.

    More than 80% of the capacity in use: grow by a quarter, at least by one.
    Under 30%: shrink by a quarter, at least by one, the idlest first. Broken
    channels are replaced, one for one. Draining channels count as gone.
    """
    serving = [channel for channel in channels if not channel.draining]
    broken = [channel for channel in serving if channel.broken]
    well = [channel for channel in serving if not channel.broken]
    count = max(len(serving), 1)
    use = sum(channel.in_flight for channel in serving) / (count * STREAMS_PER_CHANNEL)
    if use > GROW_ABOVE:
        wanted = count + max(1, ceil(count * STEP))
    elif use < SHRINK_BELOW:
        wanted = count - max(1, int(count * STEP))
    else:
        wanted = count
    wanted = min(max(wanted, minimum), maximum)
    surplus = sorted(well, key=lambda channel: channel.in_flight)[: max(len(well) - wanted, 0)]
    return Plan(
        open=max(wanted - len(well), 0),
        drain=frozenset(channel.number for channel in (*broken, *surplus)),
    )
