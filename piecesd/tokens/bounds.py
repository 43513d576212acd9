"""How many tokens a text can have at most, without a vocabulary.

All the encodings are built on single bytes, so a text has no more tokens than
UTF-8 bytes. Claude's puts the text into Unicode's NFKC form first, in which it
may have more bytes than before; that form never has more bytes than the full
compatibility decomposition (NFKD), since composing never lengthens, and in
NFKD each character counts for itself. The bound of a text is therefore at
least the sum of the bounds of its parts, however it is divided.
"""

import re

from piecesd.tokens.vocabulary import EncodingName

LONG_TEXT_CHARS = 65_536
"""A longer text is bounded by its length alone, in no time."""

_MAX_UTF8_BYTES = 4
_MAX_NFKD_BYTES = 33
"""Of one code point; U+FDFA is the longest."""

_MAX_MILD_GROWTH_BYTES = 6

_STEADY = re.compile(
    "[\0-\x7fΑ-Ωα-ωА-ИК-ик-яא-תا-ي‐-‖‘-…、-〕一-\u9fff가-힣\uff01-\uff5e\U0001f300-\U0001faff]+"
)
"""Characters that NFKC never lengthens (Hangul is decomposed, and always
composed again)."""

_MILD = re.compile("[\x80-\u1fffぁ-ヿ]+")
"""Characters that NFKD lengthens by `_MAX_MILD_GROWTH_BYTES` at most."""


def upper_bound(name: EncodingName, text: str, *, roughly: bool = False) -> int:
    """A number of tokens that ``text`` does not exceed in that encoding.

    For text in most scripts it is the number of UTF-8 bytes.

    :param roughly: bound it by its length even if it is short.
    """
    if text.isascii():
        return len(text)
    if roughly or len(text) > LONG_TEXT_CHARS:
        return len(text) * (_MAX_NFKD_BYTES if name == "claude" else _MAX_UTF8_BYTES)
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    return size_bytes + _growth_bytes(text) if name == "claude" else size_bytes


def _growth_bytes(text: str) -> int:
    unsteady = _STEADY.sub("", text)
    wild = len(_MILD.sub("", unsteady))
    return (len(unsteady) - wild) * _MAX_MILD_GROWTH_BYTES + wild * _MAX_NFKD_BYTES
