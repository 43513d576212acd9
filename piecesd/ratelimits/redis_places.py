"""Places for requests at one time that many daemons share in a Redis.

A client's places are a sorted set, each with the time until which it is taken.
A daemon prolongs those that it holds; what one has held that died is free
within `LEASE_SECONDS`. The time is the Redis's own.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from secrets import token_hex
from typing import Any, TypeAlias

from redis import Redis
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from piecesd.ratelimits.places import Places
from piecesd.ratelimits.redis_link import RedisAway, RedisLink, redis_options

LEASE_SECONDS = 30
RENEW_SECONDS = 10.0

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_TAKE = f"""{_NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""

_RENEW = f"""{_NOW}
for index = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[index]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""


@dataclass(frozen=True, slots=True)
class Take:
    """Take a place, if the client has one left; its outcome is 1, or else 0."""

    client: str
    place: str


@dataclass(frozen=True, slots=True)
class Renew:
    """Hold these for another lease, also where the Redis has forgotten them."""

    client: str
    places: Sequence[str]


@dataclass(frozen=True, slots=True)
class Free:
    """Give a place back."""

    client: str
    place: str


Command: TypeAlias = Take | Renew | Free


class RedisStore:
    """The sets in the Redis at ``url``; it connects when it is first asked."""

    def __init__(self, url: str, limit: int, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._redis = Redis.from_url(url, **redis_options())
        self._limit = limit
        self._lease_milliseconds = str(round(lease_seconds * 1000))

    def run(self, commands: Iterable[Command]) -> list[Any]:
        """Do these in their order, in one exchange; the outcome of each.

        May block.

        :raises redis.RedisError: one failed.
        """
        pipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            key = f"piecesd/places/{command.client}"
            match command:
                case Take(_, place):
                    pipeline.eval(_TAKE, 1, key, self._lease_milliseconds, str(self._limit), place)
                case Renew(_, places):
                    pipeline.eval(_RENEW, 1, key, self._lease_milliseconds, *places)
                case Free(_, place):
                    pipeline.zrem(key, place)
        outcomes: list[Any] = pipeline.execute()
        return outcomes


class RedisPlaces(Service):
    """Places by ``store``, beside ``local``, which alone counts while the Redis
    is away. What is held when it comes back is held there again.

    What is to be done is sent in its order, all that has come up meanwhile at
    a time: a place is never given back before it is taken.
    """

    def __init__(
        self, local: Places, store: RedisStore, link: RedisLink, clock: IReactorTime
    ) -> None:
        self._local = local
        self._store = store
        self._link = link
        self._names = map(f"{token_hex(8)}:{{}}".format, count())
        self._held: defaultdict[str, list[str]] = defaultdict(list)
        self._unsent: list[tuple[Command, Deferred[int]]] = []
        self._is_sending = False
        self._all_sent: Deferred[None] | None = None
        self._loop = LoopingCall(self._renew)
        self._loop.clock = clock
        link.on_return(self._renew)

    def startService(self) -> None:
        super().startService()
        self._loop.start(RENEW_SECONDS, now=False)

    def stopService(self) -> Deferred[None] | None:
        """Send what is still to be said."""
        super().stopService()
        self._loop.stop()
        if not self._is_sending:
            return None
        self._all_sent = Deferred()
        return self._all_sent

    async def take(self, client: str) -> bool:
        if not await self._local.take(client):
            return False
        place = next(self._names)
        try:
            free = await self._is_free(client, place)
        except CancelledError:
            self._local.give_back(client)
            self._free(client, place)
            raise
        if free:
            self._held[client].append(place)
        else:
            self._local.give_back(client)
        return free

    def give_back(self, client: str) -> None:
        self._local.give_back(client)
        places = self._held[client]
        self._free(client, places.pop())
        if not places:
            del self._held[client]

    async def _is_free(self, client: str, place: str) -> bool:
        if not self._link.is_usable:
            return True
        try:
            return bool(await self._send(Take(client, place)))
        except RedisAway:
            return True

    def _free(self, client: str, place: str) -> None:
        if self._link.is_usable:
            self._send(Free(client, place)).addErrback(_let_expire)

    def _renew(self) -> None:
        if self._link.is_usable:
            for client, places in self._held.items():
                self._send(Renew(client, tuple(places))).addErrback(_let_expire)

    def _send(self, command: Command) -> Deferred[int]:
        """Have it done; its outcome."""
        outcome: Deferred[int] = Deferred()
        self._unsent.append((command, outcome))
        if not self._is_sending:
            Deferred.fromCoroutine(self._send_all())
        return outcome

    async def _send_all(self) -> None:
        self._is_sending = True
        while self._unsent:
            batch, self._unsent = self._unsent, []
            try:
                outcomes = await self._link.ask(self._store.run, [each for each, _ in batch])
            except RedisAway as error:
                # For those that came meanwhile as well.
                batch, self._unsent = batch + self._unsent, []
                for _, outcome in batch:
                    outcome.errback(error)
            else:
                for (_, outcome), value in zip(batch, outcomes, strict=True):
                    outcome.callback(value)
        self._is_sending = False
        all_sent, self._all_sent = self._all_sent, None
        if all_sent is not None:
            all_sent.callback(None)


def _let_expire(failure: Failure) -> None:
    """What the Redis was not told it forgets by itself."""
    failure.trap(RedisAway)
