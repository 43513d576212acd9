"""A pool of gRPC channels to one address.

Each channel is a connection of its own. A call takes the channel with the
fewest calls on it; `piecesd.upstream.scaling` decides about the pool's size.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import grpc
from grpc.experimental import ChannelOptions
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from piecesd import __version__
from piecesd.config import UpstreamAddress
from piecesd.errors import ShuttingDown
from piecesd.upstream import grpc_private
from piecesd.upstream.scaling import ChannelState, plan

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""The largest single reply that is taken; gRPC's own limit of 4 MiB would cut
long unstreamed answers of a generous upstream."""

_OPTIONS = (
    # Otherwise all channels to one address would share one connection.
    ("grpc.use_local_subchannel_pool", 1),
    # Read a stream on the thread that iterates it, not on one more.
    (ChannelOptions.SingleThreadedUnaryStream, 1),
    # The window of a stream that nobody reads stays at 64 KiB; it would grow with
    # the speed of the line to megabytes, for each such stream.
    ("grpc.http2.bdp_probe", 0),
    # Pings only while calls run, which servers allow.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.initial_reconnect_backoff_ms", 250),
    ("grpc.max_reconnect_backoff_ms", 10_000),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # piecesd's own retries see deadlines, channels and the log.
    ("grpc.enable_retries", 0),
    ("grpc.primary_user_agent", f"piecesd/{__version__}"),
)


def connector(address: UpstreamAddress, ca_file: Path | None) -> Callable[[], Any]:
    """How to open one more channel to ``address``; nothing is opened yet.

    :param ca_file: PEM certificates to trust in place of the system's.
    :raises OSError: the file can't be read.
    """
    target = address.target
    options = list(_OPTIONS)
    if address.is_loopback:
        options.append(("grpc.enable_http_proxy", 0))
    if not address.tls:
        return lambda: grpc.insecure_channel(target, options=options)
    roots = ca_file.read_bytes() if ca_file is not None else None
    credentials = grpc.ssl_channel_credentials(root_certificates=roots)
    return lambda: grpc.secure_channel(target, credentials, options=options)


class PooledChannel:
    """A channel and the calls on it. ``stub`` is what the pool's user made of
    the channel, once, for all its calls."""

    def __init__(self, number: int, channel: Any, stub: Any) -> None:
        self.number = number
        self.channel = channel
        self.stub = stub
        self.in_flight = 0
        self.draining = False
        self._failing_since: float | None = None

    @property
    def is_connectable(self) -> bool:
        """Whether it is not in a state in which calls fail at once."""
        return grpc_private.connectivity(self.channel) not in (
            grpc.ChannelConnectivity.TRANSIENT_FAILURE,
            grpc.ChannelConnectivity.SHUTDOWN,
        )

    def state(self, now: float) -> ChannelState:
        """Look at the channel, at ``now`` seconds of the pool's clock."""
        connectivity = grpc_private.connectivity(self.channel)
        if connectivity is not grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            # Between two attempts a failing channel is CONNECTING.
            if connectivity is not grpc.ChannelConnectivity.CONNECTING:
                self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = now
        since = self._failing_since
        return ChannelState(
            number=self.number,
            in_flight=self.in_flight,
            failing_seconds=0.0 if since is None else now - since,
            dead=connectivity is grpc.ChannelConnectivity.SHUTDOWN,
            draining=self.draining,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolFigures:
    """``channels`` open now, ``in_flight`` calls on them, and how many channels
    the pool has ``opened`` and ``closed`` since it started."""

    channels: int
    in_flight: int
    opened: int
    closed: int


class ChannelPool:
    """Channels to one address, used only in the reactor thread.

    :param connect: opens one channel (lazily connected).
    :param make_stub: makes of a channel what calls need.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        connect: Callable[[], Any],
        make_stub: Callable[[Any], Any],
        *,
        minimum: int,
        maximum: int,
        clock: IReactorTime,
    ) -> None:
        self.name = name
        self._connect = connect
        self._make_stub = make_stub
        self._minimum = minimum
        self._maximum = maximum
        self._clock = clock
        self._numbers = count(1)
        self._channels: dict[int, PooledChannel] = {}
        self._closed = 0
        self._stopped = True

    def start(self) -> None:
        """Open the minimum of channels. Not before the daemon has forked."""
        self._stopped = False
        for _ in range(self._minimum):
            self._open()

    def stop(self) -> None:
        """Close every channel, and with it every call."""
        self._stopped = True
        for channel in tuple(self._channels.values()):
            self._close(channel)

    @property
    def in_flight(self) -> int:
        """Calls on all channels."""
        return sum(map(_in_flight, self._channels.values()))

    @property
    def is_connectable(self) -> bool:
        """Whether some channel is connected, or has not just failed to connect."""
        return any(channel.is_connectable for channel in self._channels.values())

    def acquire(self, avoid: object = None) -> PooledChannel:
        """The channel with the fewest calls, with one more call counted on it.

        :param avoid: a channel to leave out if there is another.
        :raises ShuttingDown: the pool has stopped.
        """
        if self._stopped:
            raise ShuttingDown()
        serving = [channel for channel in self._channels.values() if not channel.draining]
        others = [channel for channel in serving if channel is not avoid]
        chosen = min(others or serving, key=_in_flight)
        chosen.in_flight += 1
        return chosen

    def release(self, channel: PooledChannel) -> None:
        """A call that `acquire` counted is over."""
        channel.in_flight -= 1
        if channel.draining and channel.in_flight == 0:
            self._close(channel)

    def adjust(self) -> None:
        """Look at the pool and follow the policy; the LoopingCall's body."""
        if self._stopped:
            return
        now = self._clock.seconds()
        states = [channel.state(now) for channel in self._channels.values()]
        todo = plan(states, minimum=self._minimum, maximum=self._maximum)
        for _ in range(todo.open):
            self._open()
        for number in todo.drain:
            channel = self._channels[number]
            channel.draining = True
            if channel.in_flight == 0:
                self._close(channel)
        if todo.open or todo.drain:
            self._log.info(
                "{pool} pool: opened {opened}, draining {drained}, now {channels} channels",
                pool=self.name,
                opened=todo.open,
                drained=len(todo.drain),
                channels=len(self._channels),
            )

    def figures(self) -> PoolFigures:
        """The pool in numbers."""
        return PoolFigures(
            channels=len(self._channels),
            in_flight=self.in_flight,
            opened=len(self._channels) + self._closed,
            closed=self._closed,
        )

    def _open(self) -> None:
        channel = self._connect()
        number = next(self._numbers)
        self._channels[number] = PooledChannel(number, channel, self._make_stub(channel))

    def _close(self, channel: PooledChannel) -> None:
        if self._channels.pop(channel.number, None) is not None:
            self._closed += 1
            channel.channel.close()


def _in_flight(channel: PooledChannel) -> int:
    return channel.in_flight
