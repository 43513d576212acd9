"""The sets of places in a real Redis."""

import time

from twisted.trial.unittest import SynchronousTestCase

from piecesd.ratelimits.redis_places import Command, Free, RedisStore, Renew, Take
from tests.integration.daemon import eventually
from tests.integration.redis_server import RedisServer

LEASE_SECONDS = 1.0


class RedisStoreTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.redis = RedisServer(self)
        self.store = RedisStore(self.redis.url, 2, lease_seconds=LEASE_SECONDS)

    def run_one(self, command: Command) -> object:
        (outcome,) = self.store.run([command])
        return outcome

    def test_each_client_has_so_many_and_gets_each_back(self) -> None:
        commands = [Take("me", "a"), Take("me", "b"), Take("me", "c"), Take("you", "d")]
        self.assertEqual(self.store.run(commands), [1, 1, 0, 1])
        self.assertEqual(self.store.run([Free("me", "a"), Take("me", "c")]), [1, 1])
        self.assertEqual(self.run_one(Take("me", "e")), 0)

    def test_what_nobody_renews_is_free_and_then_forgotten(self) -> None:
        self.store.run([Take("me", "a"), Take("me", "b")])
        self.assertTrue(eventually(lambda: self.run_one(Take("me", "c")) == 1))
        self.assertTrue(eventually(lambda: self.redis.ask(b"DBSIZE") == b":0\r\n"))

    def test_what_is_renewed_is_held(self) -> None:
        self.store.run([Take("me", "a"), Take("me", "b")])
        until = time.monotonic() + 2 * LEASE_SECONDS
        while time.monotonic() < until:
            # A set that Redis has lost, or let go late, is there again.
            self.assertEqual(self.store.run([Renew("me", ("a", "b")), Take("me", "c")]), [1, 0])
            time.sleep(0.05)
