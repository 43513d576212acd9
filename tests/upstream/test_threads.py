"""Idle threads, and what is left of those that have ended."""

from threading import Barrier, Thread

from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase

from piecesd.process import daemon_threads
from piecesd.upstream.threads import shed_idle
from tests.integration.daemon import eventually

THREADS = 8


class ShedIdleTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.pool: ThreadPool = daemon_threads("test", THREADS)
        self.pool.start()
        self.addCleanup(self.pool.stop)

    def use_all(self) -> None:
        """Have all threads at work together, and then idle."""
        together = Barrier(THREADS + 1)
        for _ in range(THREADS):
            self.pool.callInThread(together.wait)
        together.wait(10)
        self.assertTrue(eventually(lambda: len(self.pool.waiters) == THREADS))

    def living(self) -> int:
        return sum(map(Thread.is_alive, self.pool.threads))

    def test_half_of_the_idle_threads_end(self) -> None:
        self.use_all()
        shed_idle(self.pool)
        self.assertTrue(eventually(lambda: self.living() == THREADS // 2))

    def test_threads_that_have_ended_are_forgotten(self) -> None:
        for _ in range(3):
            self.use_all()
            for _ in range(3):
                shed_idle(self.pool)
                self.assertTrue(eventually(lambda: self.living() == len(self.pool.waiters)))
        shed_idle(self.pool)
        self.assertEqual(len(self.pool.threads), 1)

    def test_a_thread_that_has_yet_to_begin_is_kept(self) -> None:
        self.pool.threads.append(Thread(daemon=True))
        shed_idle(self.pool)
        (kept,) = self.pool.threads
        kept.start()
