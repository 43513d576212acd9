from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred

from piecesd.ratelimits.places import MemoryPlaces
from piecesd.ratelimits.redis_link import PROBE_SECONDS
from piecesd.ratelimits.redis_places import (
    RENEW_SECONDS,
    Command,
    Free,
    RedisPlaces,
    RedisStore,
    Renew,
    Take,
)
from tests.ratelimits.far_redis import FarRedisCase

LIMIT = 2


class MemoryStore:
    """The sets, without their ends; those of the real one are tried in
    tests/integration/test_redis_places.py."""

    def __init__(self) -> None:
        self.places: defaultdict[str, set[str]] = defaultdict(set)
        self.batches: list[Sequence[Command]] = []

    def run(self, commands: Sequence[Command]) -> list[int]:
        self.batches.append(commands)
        return [self._outcome(command) for command in commands]

    def _outcome(self, command: Command) -> int:
        taken = self.places[command.client]
        match command:
            case Take(_, place):
                if len(taken) >= LIMIT:
                    return 0
                taken.add(place)
            case Renew(_, places):
                taken.update(places)
            case Free(_, place):
                taken.discard(place)
        return 1


class RedisPlacesTests(FarRedisCase):
    def setUp(self) -> None:
        super().setUp()
        self.store = MemoryStore()
        self.here, self.there = self.places(), self.places()

    def places(self) -> RedisPlaces:
        """Those of one daemon."""
        store = cast(RedisStore, self.store)
        places = RedisPlaces(MemoryPlaces(LIMIT), store, self.link, cast(Any, self.clock))
        places.startService()
        self.addCleanup(places.stopService)
        return places

    def taking(self, places: RedisPlaces) -> Deferred[bool]:
        return Deferred.fromCoroutine(places.take("me"))

    def take(self, places: RedisPlaces) -> bool:
        taking = self.taking(places)
        self.answer()
        return self.successResultOf(taking)

    def lose(self) -> None:
        asking = self.link.ask(lambda: None)
        self.refuse()
        self.failureResultOf(asking)

    def come_back(self) -> None:
        self.clock.advance(PROBE_SECONDS)
        self.answer()
        self.answer()

    def test_daemons_take_from_the_same_and_give_back(self) -> None:
        self.assertEqual([self.take(self.here), self.take(self.there)], [True, True])
        self.assertEqual([self.take(self.here), self.take(self.there)], [False, False])
        self.here.give_back("me")
        self.answer()
        self.assertEqual([self.take(self.there), self.take(self.here)], [True, False])

    def test_what_a_daemon_alone_would_refuse_is_not_asked(self) -> None:
        for _ in range(LIMIT):
            self.take(self.here)
        self.assertFalse(self.successResultOf(self.taking(self.here)))
        self.assertEqual(len(self.store.batches), LIMIT)

    def test_what_comes_while_the_redis_is_asked_is_sent_together_and_in_order(self) -> None:
        self.take(self.here)
        self.taking(self.here)
        self.here.give_back("me")
        self.taking(self.here)
        self.answer()
        self.answer()
        kinds = [[type(command) for command in batch] for batch in self.store.batches]
        self.assertEqual(kinds, [[Take], [Take], [Free, Take]])
        self.assertEqual(len(self.store.places["me"]), 2)

    def test_a_client_that_leaves_while_it_is_asked_leaves_nothing(self) -> None:
        taking = self.taking(self.here)
        taking.cancel()
        self.failureResultOf(taking, CancelledError)
        self.answer()
        self.assertEqual(len(self.store.places["me"]), 1)
        self.answer()
        self.assertEqual(len(self.store.places["me"]), 0)
        self.assertEqual([self.take(self.here) for _ in range(3)], [True, True, False])

    def test_while_it_is_away_each_daemon_counts_for_itself(self) -> None:
        taking, waiting = self.taking(self.here), self.taking(self.here)
        self.refuse()
        self.assertEqual((self.successResultOf(taking), self.successResultOf(waiting)), (True,) * 2)
        self.assertFalse(self.successResultOf(self.taking(self.here)))
        self.assertTrue(self.successResultOf(self.taking(self.there)))
        self.here.give_back("me")
        self.assertTrue(self.successResultOf(self.taking(self.here)))
        self.assertEqual((self.asked, len(self.messages)), ([], 1))

    def test_when_it_is_back_it_knows_all_that_is_held(self) -> None:
        self.take(self.here)
        self.lose()
        self.store.places.clear()  # it was started anew
        self.assertTrue(self.successResultOf(self.taking(self.there)))
        self.come_back()
        self.assertEqual(len(self.store.places["me"]), 2)
        self.assertFalse(self.take(self.here))
        self.there.give_back("me")
        self.answer()
        self.assertTrue(self.take(self.here))

    def test_what_is_held_is_renewed_and_nothing_else(self) -> None:
        self.take(self.here)
        (place,) = self.store.places["me"]
        self.clock.advance(RENEW_SECONDS)
        self.answer()
        self.assertEqual(self.store.batches[1:], [[Renew("me", (place,))]])
        self.here.give_back("me")
        self.answer()
        self.clock.advance(RENEW_SECONDS)
        self.assertEqual(self.asked, [])

    def test_before_the_end_all_is_given_back(self) -> None:
        self.take(self.here)
        self.take(self.here)
        self.here.give_back("me")
        self.here.give_back("me")
        stopping = self.here.stopService()
        assert stopping is not None
        self.answer()
        self.assertNoResult(stopping)
        self.answer()
        self.successResultOf(stopping)
        self.assertEqual(self.store.places["me"], set())
        self.assertIsNone(self.there.stopService())
        self.here.startService()
        self.there.startService()
