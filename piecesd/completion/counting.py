"""Counts tokens where that does not stall the reactor."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred, succeed

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
        """Fires with what ``work`` returns for the encoding.

        :param size: how many code points it counts, in all.
        """
        if tokens.is_quick(name, size):
            return succeed(work(tokens.load(name)))
        return self._run_in_thread(lambda: work(tokens.load(name)))
