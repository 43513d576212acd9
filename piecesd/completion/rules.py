"""What piecesd itself does to an answer's text: its limit and its stops."""

from collections.abc import Sequence

from piecesd.chat import FinishReason
from piecesd.completion.stop import StopMatcher
from piecesd.tokens import TokenLimit


class TextRules:
    """Cuts one answer's text, piece by piece, the same for any chunking.

    The token limit comes first: it is what the model would have stopped at, so
    a stop text that begins before it and ends after it is not met.
    """

    def __init__(self, limit: TokenLimit | None, stop: tuple[str, ...]) -> None:
        self._limit = limit
        self._stop = StopMatcher(stop) if stop else None
        self.reason: FinishReason | None = None

    @property
    def stop_sequence(self) -> str | None:
        """The stop that was met, if one was."""
        return None if self._stop is None else self._stop.matched

    def feed(self, piece: str) -> str:
        """The text that may go out now. When ``reason`` is set after it, the
        answer is complete and the upstream's call can be cancelled."""
        limit, stop = self._limit, self._stop
        text = piece if limit is None else limit.feed(piece)
        if stop is not None:
            text = stop.feed(text)
            if stop.stopped:
                self.reason = "stop"
                return text
        if limit is not None and limit.reached:
            text += self.finish()
        return text

    def feed_all(self, pieces: Sequence[str]) -> list[str]:
        """What of ``pieces`` may go out now, in parts, none of which is empty.
        It ends where `feed` sets ``reason``."""
        if self._limit is None and self._stop is None:
            return list(filter(None, pieces))
        texts = []
        for piece in pieces:
            if text := self.feed(piece):
                texts.append(text)
            if self.reason is not None:
                break
        return texts

    def skip(self, chars: int, tokens: int) -> None:
        """See `piecesd.tokens.TokenLimit.skip`."""
        if self._limit is not None:
            self._limit.skip(chars, tokens)

    def finish(self) -> str:
        """The text held back, now that nothing follows it; sets ``reason``."""
        self.reason = "stop"
        if self._limit is not None:
            self._limit.end()
            if self._limit.reached:
                self.reason = "length"
        return "" if self._stop is None else self._stop.finish()
