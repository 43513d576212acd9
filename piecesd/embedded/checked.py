"""Answers that show by themselves whether they are whole.

Every piece has its number, and the last one ends in a checksum over the message
that was asked and over all the text before it. So a piece that is lost, doubled,
out of order or another client's is found by whoever has question and answer.
"""

from zlib import crc32

_MARK = "; crc32 "


def checked_pieces(question: str, pieces: int, size: int) -> list[str]:
    """An answer to ``question``: so many pieces of at least ``size`` characters,
    the last of which is longer by the checksum. At least one piece."""
    texts = [f"{number}.".ljust(size, "x") for number in range(max(pieces, 1))]
    texts[-1] += _MARK + _checksum(question, "".join(texts))
    return texts


def is_whole_answer(question: str, answer: str) -> bool:
    """Whether ``answer`` is all of what `checked_pieces` made for ``question``."""
    text, mark, checksum = answer.rpartition(_MARK)
    return bool(mark) and checksum == _checksum(question, text)


def _checksum(question: str, text: str) -> str:
    return f"{crc32((question + text).encode()):08x}"
