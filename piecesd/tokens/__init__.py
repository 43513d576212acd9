"""Counting tokens, offline and in bounded time.

Nothing here knows Twisted: `Encoding.count` may run on any thread, and
`is_quick` tells what may run on the reactor's. `Encoding.count_closed` counts a
text while it grows. `upper_bound` and
`prompt_upper_bound` need no vocabulary, so that a caller whose limit they
keep need not wait for a count.
"""

from piecesd.tokens.bounds import upper_bound
from piecesd.tokens.encoding import Encoding, is_loaded, is_quick, load, quick_chars
from piecesd.tokens.limit import TokenLimit
from piecesd.tokens.prompt import count_prompt, prompt_upper_bound
from piecesd.tokens.vocabulary import DamagedVocabulary, EncodingName

__all__ = [
    "DamagedVocabulary",
    "Encoding",
    "EncodingName",
    "TokenLimit",
    "count_prompt",
    "is_loaded",
    "is_quick",
    "load",
    "prompt_upper_bound",
    "quick_chars",
    "upper_bound",
]
