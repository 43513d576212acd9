"""The tokens of one text, counted while it grows."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from piecesd.completion.counting import TokenCounts, drop
from piecesd.tokens import EncodingName, quick_chars

MAX_WAITING_CHARS = 65_536
"""While more than this waits to be counted, `TextCount.keep_up` waits too."""

Settled = Callable[[int, int], object]
"""Called with how many code points of a text have been counted so far, and
their tokens, whatever follows; see `piecesd.tokens.TokenLimit.skip`."""


def ignore(chars: int, tokens: int) -> None:
    """Nobody needs to know before the end."""


class TextCount:
    """Counts what no further text changes, and forgets it; keeps the open rest.

    Whoever adds text looks at `is_due` at times, where a fraction of a
    millisecond does not matter, and calls `keep_up`. What is held is then
    bounded: the open rest, what came since the last look, `MAX_WAITING_CHARS`,
    and as much again that is being counted on the thread.
    """

    def __init__(
        self, counts: TokenCounts, encoding: EncodingName, settled: Settled = ignore
    ) -> None:
        self.tokens = 0
        """Those of the text that has been counted."""
        self._counts = counts
        self._encoding = encoding
        self._settled = settled
        # Counted where there is still room for a batch before it is too long
        # to be counted at once.
        self._due_chars = quick_chars(encoding) // 2
        self._counted_chars = 0
        self._waiting: list[str] = []
        self._waiting_chars = 0
        self._counting: Deferred[Any] | None = None

    @property
    def is_due(self) -> bool:
        """Whether there is something to do for `keep_up`."""
        return self._waiting_chars >= self._due_chars

    @property
    def is_counting(self) -> bool:
        """Whether the thread counts some of it."""
        return self._counting is not None

    @property
    def rest_chars(self) -> int:
        """How many code points `take_rest` returns."""
        return self._waiting_chars

    def add(self, texts: Sequence[str]) -> None:
        """The text goes on with these."""
        self._waiting += texts
        self._waiting_chars += sum(map(len, texts))

    async def keep_up(self) -> None:
        """Count what has come, or begin to; wait while too much waits for that.

        :raises DamagedVocabulary: nothing can be counted.
        """
        while self._counting is not None and self._waiting_chars > MAX_WAITING_CHARS:
            await self._counting
        if self._counting is None:
            self._count_closed()

    async def wait(self) -> None:
        """Wait until the thread counts none of it."""
        if self._counting is not None:
            await self._counting

    def take_rest(self) -> str:
        """The text that has not been counted; it is counted with no other."""
        rest = "".join(self._waiting)
        self._waiting.clear()
        self._waiting_chars = 0
        return rest

    def cancel(self) -> None:
        """Nobody wants to know it any more. Idempotent."""
        self.take_rest()
        if self._counting is not None:
            drop(self._counting)

    def _count_closed(self) -> None:
        text = self.take_rest()
        chars = len(text)

        def settle(closed: tuple[int, str]) -> None:
            tokens, rest = closed
            self.tokens += tokens
            self._counted_chars += chars - len(rest)
            self._waiting.insert(0, rest)
            self._waiting_chars += len(rest)
            self._counting = None
            self._settled(self._counted_chars, self.tokens)

        counting = self._counting = self._counts.work(
            self._encoding, chars, lambda encoding: encoding.count_closed(text)
        )
        counting.addCallback(settle)
