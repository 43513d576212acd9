import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from piecesd.ratelimits.places import MemoryPlaces, Places, SharedPlaces
from tests.ratelimits.support import recorded_messages


def take(places: Places, client: str = "me") -> bool:
    """Neither kind waits for anything."""
    try:
        places.take(client).send(None)
    except StopIteration as stopped:
        return bool(stopped.value)
    raise AssertionError("it waits")


class MemoryPlacesTests(SynchronousTestCase):
    def test_each_client_has_so_many_and_gets_each_back(self) -> None:
        places = MemoryPlaces(2)
        self.assertEqual([take(places) for _ in range(3)], [True, True, False])
        self.assertTrue(take(places, "you"))
        places.give_back("me")
        self.assertEqual([take(places) for _ in range(2)], [True, False])


class SharedPlacesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.messages = recorded_messages(self)

    def places(self, limit: int = 2) -> SharedPlaces:
        places = SharedPlaces(limit, self.path)
        self.addCleanup(places.close)
        return places

    def take_as(self, places: SharedPlaces, pid: int) -> bool:
        """As the process ``pid`` does."""
        with patch("os.getpid", lambda: pid):
            return take(places)

    def test_processes_take_from_the_same(self) -> None:
        living = os.getppid()
        here, there = self.places(), self.places()
        self.assertEqual([take(here), self.take_as(there, living)], [True, True])
        self.assertEqual([take(here), self.take_as(there, living)], [False, False])
        here.give_back("me")
        self.assertTrue(self.take_as(there, living))
        self.assertFalse(take(here))
        self.assertTrue(take(here, "you"))

    def test_what_a_dead_process_had_taken_is_free(self) -> None:
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.wait()
        here, there = self.places(), self.places()
        self.assertEqual([self.take_as(there, process.pid) for _ in range(2)], [True, True])
        self.assertEqual([take(here) for _ in range(3)], [True, True, False])

    def test_while_the_file_fails_each_has_its_own_and_says_so_once(self) -> None:
        self.path = Path(self.mktemp(), "missing", "places")
        places = self.places(1)
        self.assertEqual([take(places), take(places)], [True, False])
        places.give_back("me")
        self.assertEqual(len(self.messages), 1)
        self.path.parent.mkdir(parents=True)
        self.assertTrue(take(places))
        self.assertFalse(self.take_as(self.places(1), os.getppid()))
