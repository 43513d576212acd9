"""The API requests that are being answered: how many may be, and their end."""

from collections.abc import Callable

from piecesd.errors import ApiError, Overloaded, Phrase, ShuttingDown

Cut = Callable[[ApiError], None]
"""Ends an answer now; what the client gets to read instead is the error."""

_CONCURRENT_REQUESTS = Phrase("concurrent requests", "并发请求")


def _tell_nobody(_count: int) -> None:
    """For requests whose number nobody follows."""


class RunningRequests:
    """Admits API requests up to ``limit`` at a time, until `refuse_new`.

    :param changed: called with their number whenever it has changed.
    """

    def __init__(self, limit: int, changed: Callable[[int], None] = _tell_nobody) -> None:
        self._limit = limit
        self._changed = changed
        self._count = 0
        self._cuts: set[Cut] = set()
        self.refusing = False

    @property
    def count(self) -> int:
        return self._count

    def enter(self) -> None:
        """Admit one more; `leave` follows.

        :raises ShuttingDown: none are taken any more.
        :raises Overloaded: there are as many as may be.
        """
        if self.refusing:
            raise ShuttingDown(retry_after_seconds=1)
        if self._count >= self._limit:
            raise Overloaded(limit=self._limit, what=_CONCURRENT_REQUESTS)
        self._count += 1
        self._changed(self._count)

    def leave(self) -> None:
        self._count -= 1
        self._changed(self._count)

    def add_cut(self, cut: Cut) -> None:
        """Have ``cut`` called when the answers under way have to end."""
        self._cuts.add(cut)

    def remove_cut(self, cut: Cut) -> None:
        self._cuts.discard(cut)

    def refuse_new(self) -> None:
        self.refusing = True

    def cut_all(self) -> None:
        """End every answer under way with ShuttingDown."""
        for cut in tuple(self._cuts):
            cut(ShuttingDown())
