"""What the load client asks of the bench upstream, written into the prompt.

The prompt travels through the gateway under test to the upstream, which
answers as it says; see `Script`. The text of every piece begins with `MARK`,
so the client can count pieces. A piece of a paced answer also carries when it
was due, so the client can tell how late it came.
"""

import re
from dataclasses import dataclass

MARK = b" piece"
"""One token of the common vocabularies, as most pieces of real answers are."""

STAMP_DIGITS = 9
_STAMP_RANGE_US: int = 10**STAMP_DIGITS
_HALF_RANGE_US = _STAMP_RANGE_US // 2

_FILLER = b" word"

STAMP = re.compile(MARK + rb"=(\d{%d})" % STAMP_DIGITS)

_PROMPT = re.compile(r"bench pieces=(\d{1,9}) rate=(\d{1,6}(?:\.\d{1,6})?) bytes=(\d{1,7})")


class NoScript(ValueError):
    """The prompt holds no script."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """An answer of ``pieces`` pieces of at least ``piece_bytes`` bytes of text
    each, ``rate`` a second; a rate of 0 is as fast as flow control lets them."""

    pieces: int
    rate: float = 0.0
    piece_bytes: int = 0

    def prompt(self) -> str:
        """The script as words, for a user's message."""
        return f"bench pieces={self.pieces} rate={self.rate:.6f} bytes={self.piece_bytes}"

    @classmethod
    def parse(cls, text: str) -> "Script":
        """The last script in ``text``, whatever stands around it.

        :raises NoScript: there is none.
        """
        found = _PROMPT.findall(text)
        if not found:
            raise NoScript("the prompt holds no script of the bench")
        pieces, rate, piece_bytes = found[-1]
        return cls(pieces=int(pieces), rate=float(rate), piece_bytes=int(piece_bytes))

    def piece_text(self) -> bytes:
        """The text of one piece; a paced one has room for `stamp_digits`."""
        text = MARK + (b"=" + b"0" * STAMP_DIGITS if self.rate else b"")
        missing = max(0, self.piece_bytes - len(text))
        return text + (_FILLER * (missing // len(_FILLER) + 1))[:missing]


def stamp_digits(due_us: int) -> bytes:
    """A time as a piece carries it; it wraps around every thousand seconds."""
    return b"%0*d" % (STAMP_DIGITS, due_us % _STAMP_RANGE_US)


def lateness_us(digits: bytes, now_us: int) -> int:
    """How long before ``now_us`` a piece with these digits was due, if that is
    less than five hundred seconds; negative if it is still to be due."""
    return (now_us - int(digits) + _HALF_RANGE_US) % _STAMP_RANGE_US - _HALF_RANGE_US
