"""Counts tokens where that does not stall the reactor."""

from collections.abc import Callable
from threading import Event
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from piecesd import tokens
from piecesd.tokens import Encoding, EncodingName

T = TypeVar("T")


class RunInThread(Protocol):
    """Runs a function on a worker thread; fires with what it returns."""

    def __call__(self, work: Callable[[], T], /) -> Deferred[T]: ...


class TokenCounts:
    """Runs what needs an encoding: in the reactor thread when that is quick,
    on a worker thread when the text is long or the vocabulary not loaded yet.
    """

    def __init__(self, run_in_thread: RunInThread) -> None:
        self._run_in_thread = run_in_thread

    def work(self, name: EncodingName, size: int, work: Callable[[Encoding], T]) -> Deferred[T]:
        """Fires with what ``work`` returns for the encoding. Cancelling it
        frees the thread within milliseconds, however long the text is.

        :param size: how many code points it counts, in all.
        """
        if tokens.is_quick(name, size):
            return succeed(work(tokens.load(name)))
        given_up = Event()

        def give_up(failure: Failure) -> Failure:
            given_up.set()
            return failure

        working = self._run_in_thread(lambda: work(tokens.load(name).until(given_up.is_set)))
        return working.addErrback(give_up)


def drop(working: Deferred[Any]) -> None:
    """Cancel ``working``; its failure is nobody's business but of who waits for it."""
    working.addErrback(lambda failure: None)
    working.cancel()
