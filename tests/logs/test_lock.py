"""The lock among processes; an object of its own stands for a process."""

from pathlib import Path
from threading import Event, Thread

from twisted.trial.unittest import SynchronousTestCase

from piecesd.logs.lock import FileLock


def is_free(lock: FileLock) -> bool:
    """Whether another thread gets it within a moment."""
    taken = Event()

    def take() -> None:
        with lock:
            taken.set()

    Thread(target=take, daemon=True).start()
    return taken.wait(0.1)


class LockTests(SynchronousTestCase):
    def setUp(self) -> None:
        path = Path(self.mktemp())
        self.one, self.other = FileLock(path), FileLock(path)

    def test_one_process_holds_it_at_a_time(self) -> None:
        with self.one:
            self.assertFalse(is_free(self.other))
        self.assertTrue(is_free(self.other))

    def test_and_one_thread_in_it(self) -> None:
        with self.one:
            self.assertFalse(is_free(self.one))
        self.assertTrue(is_free(self.one))

    def test_its_holder_may_take_it_again(self) -> None:
        with self.one:
            with self.one:
                pass
            self.assertFalse(is_free(self.other))
        self.assertTrue(is_free(self.other))

    def test_without_a_path_it_is_none(self) -> None:
        lock = FileLock()
        with lock:
            self.assertTrue(is_free(lock))

    def test_where_its_file_cant_be_had_nothing_is_raised(self) -> None:
        with FileLock(Path(self.mktemp(), "missing", "lock")):
            pass
