"""Cutting an answer at its token limit while it arrives."""

from piecesd.tokens.bounds import upper_bound
from piecesd.tokens.encoding import Encoding
from piecesd.tokens.slices import closed_slices, stretches


class TokenLimit:
    """Lets pass the longest beginning of an answer that has ``max_tokens``
    tokens at most, the same however the answer is divided into pieces.

    Text passes as soon as it is known to fit. A word that is not whole may
    have more tokens than the word will have in the end (``hel`` and ``lo``,
    then ``hello``): what exceeds the limit is withheld until it is certain
    that it does, which is at the next safe cut (see `piecesd.tokens.slices`).

    Most pieces cost one look at their length: nothing is counted before the
    text could have reached the limit by its number of bytes, and no text is
    counted again but for the stretch at its end.
    """

    def __init__(self, encoding: Encoding, max_tokens: int) -> None:
        self._encoding = encoding
        self.reached = False
        """The answer ends here: no more of it passes."""

        # Of the text up to the last safe cut that was counted, only what it
        # left of the limit is kept. The offsets are into the text since then.
        self._tokens_left = max_tokens
        self._open: list[str] = []
        self._passed = 0
        self._tried = 0
        """Of the beginnings up to this one, those longer than `_passed` don't fit."""
        self._spare_tokens = max_tokens
        """What is left at least, if each byte since then were a token."""

    def feed(self, piece: str) -> str:
        """The text that may pass now that ``piece`` has arrived; not always a
        part of ``piece`` alone."""
        if self.reached:
            return ""
        self._open.append(piece)
        self._spare_tokens -= upper_bound(self._encoding.name, piece)
        if self._spare_tokens >= 0:
            self._passed += len(piece)
            self._tried = self._passed
            return piece
        return self._pass_what_fits("".join(self._open))

    def end(self) -> None:
        """The answer is whole: if text is withheld now, the limit is what ended it."""
        if self._passed < self._tried:
            self.reached = True

    def _pass_what_fits(self, text: str) -> str:
        passed = self._passed
        settled = 0
        for part in closed_slices(text):
            tokens = self._encoding.count(part)
            if tokens > self._tokens_left:
                self.reached = True
                return text[passed : self._end_of_fit(text, settled, part)]
            self._tokens_left -= tokens
            settled += len(part)
        end = self._end_of_fit(text, settled, text[settled:])
        self._open = [text[settled:]]
        self._passed = end - settled
        self._tried = len(text) - settled
        self._spare_tokens = self._tokens_left - upper_bound(self._encoding.name, self._open[0])
        return text[passed:end]

    def _end_of_fit(self, text: str, start: int, part: str) -> int:
        """Where the longest beginning of ``part`` that fits ends in ``text``,
        in which it begins at ``start``."""
        tokens_left = self._tokens_left
        for stretch in stretches(part):
            tokens = self._encoding.count(stretch)
            if tokens > tokens_left:
                return self._end_of_fit_in_stretch(text, start, start + len(stretch), tokens_left)
            tokens_left -= tokens
            start += len(stretch)
        return start

    def _end_of_fit_in_stretch(self, text: str, start: int, end: int, tokens_left: int) -> int:
        # A longer beginning of a word may have fewer tokens, so each is tried,
        # the longest first; each only once in the life of the stretch.
        for candidate in range(end - 1, max(start, self._tried), -1):
            if self._encoding.count(text[start:candidate]) <= tokens_left:
                return candidate
        return max(start, self._passed)
