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
    counted again but for the stretch at its end. Who counts the answer anyway
    says so by `skip`; that text is neither counted here nor kept.
    """

    def __init__(self, encoding: Encoding, max_tokens: int) -> None:
        self._encoding = encoding
        self.reached = False
        """The answer ends here: no more of it passes."""

        # Of the text up to the last safe cut that was counted, only its length
        # and its tokens are kept. The offsets are into the text since then.
        self._max_tokens = max_tokens
        self._settled_chars = 0
        self._settled_tokens = 0
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

    def skip(self, chars: int, tokens: int) -> None:
        """The first ``chars`` code points of the answer have passed, have been
        counted, and have that many tokens, whatever follows: they are what
        `piecesd.tokens.slices.closed_slices` gave."""
        if not self.reached and chars > self._settled_chars:
            self._settle("".join(self._open)[chars - self._settled_chars :], chars, tokens)

    def end(self) -> None:
        """The answer is whole: if text is withheld now, the limit is what ended it."""
        if self._passed < self._tried:
            self.reached = True

    def _pass_what_fits(self, text: str) -> str:
        passed = self._passed
        tokens_left = self._max_tokens - self._settled_tokens
        start = 0
        for part in closed_slices(text):
            tokens = self._encoding.count(part)
            if tokens > tokens_left:
                self.reached = True
                return text[passed : self._end_of_fit(text, start, part, tokens_left)]
            tokens_left -= tokens
            start += len(part)
        end = self._end_of_fit(text, start, text[start:], tokens_left)
        self._passed = end
        self._tried = len(text)
        self._settle(text[start:], self._settled_chars + start, self._max_tokens - tokens_left)
        return text[passed:end]

    def _settle(self, rest: str, chars: int, tokens: int) -> None:
        """Go on with ``rest`` behind text of so many code points and tokens."""
        dropped_chars = chars - self._settled_chars
        self._settled_chars = chars
        self._settled_tokens = tokens
        self._open = [rest]
        self._passed -= dropped_chars
        self._tried -= dropped_chars
        self._spare_tokens = self._max_tokens - tokens - upper_bound(self._encoding.name, rest)

    def _end_of_fit(self, text: str, start: int, part: str, tokens_left: int) -> int:
        """Where the longest beginning of ``part`` that fits ends in ``text``,
        in which it begins at ``start``."""
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
