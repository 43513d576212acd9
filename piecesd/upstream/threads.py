"""Threads that nothing needs any more are given back."""

from threading import Thread

from twisted.python.threadpool import ThreadPool


def shed_idle(pool: ThreadPool) -> None:
    """Tell half of the idle threads to end, and forget those that have ended.

    Twisted keeps every thread that a pool has ever started in a list, to join
    it at the end: 3 KB each, for as long as the process lives.
    """
    for _ in range(len(pool.waiters) // 2):
        pool.stopAWorker()
    for thread in tuple(pool.threads):
        if _has_ended(thread):
            # One by one: a worker may be adding another at this moment.
            pool.threads.remove(thread)


def _has_ended(thread: Thread) -> bool:
    """Not that it has not begun yet."""
    return thread.ident is not None and not thread.is_alive()
