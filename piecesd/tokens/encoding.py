"""Encodings: a vocabulary, loaded, and the counting of tokens with it."""

import io
import os
import threading
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from math import inf
from typing import get_args

from piecesd.tokens.slices import closed_slices, slices
from piecesd.tokens.vocabulary import EncodingName, read_vocabulary

# Counting is not worth threads of the tokenizers library's own. It reads this
# at each call; it is set here, before there are threads that read the
# environment while it changes.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


class GivenUp(Exception):
    """Nobody wants to know the count any more."""


class Encoding:
    """Counts the tokens of texts; safe to share between threads.

    ``count_slice`` counts one text of at most `slices.SLICE_CHARS` code points.
    """

    def __init__(self, name: EncodingName, count_slice: Callable[[str], int]) -> None:
        self.name = name
        self._count_slice = count_slice

    def count(self, text: str, most: float = inf) -> int:
        """The number of tokens of ``text``, in time linear in its length.

        What looks like a special token (``<|endoftext|>``) is text like any
        other. Other threads run all the while: the interpreter lock is let go
        at each slice.

        :param most: counting ends, within a slice, once the number is over this.
        """
        tokens = 0
        for each in slices(text):
            tokens += self._count_slice(each)
            if tokens > most:
                break
        return tokens

    def count_closed(self, text: str) -> tuple[int, str]:
        """Count of a text that still grows what no further text changes.

        :returns: the number of its tokens, and the rest of the text, of at most
            `slices.SLICE_CHARS` code points. That number and the `count` of the
            rest with all that follows add up to the `count` of the whole.
        """
        tokens = closed_chars = 0
        for part in closed_slices(text):
            tokens += self._count_slice(part)
            closed_chars += len(part)
        return tokens, text[closed_chars:]

    def until(self, given_up: Callable[[], bool]) -> "Encoding":
        """The same encoding, but counting ends with `GivenUp`, within a slice,
        once ``given_up()`` is true."""

        def count_slice(text: str) -> int:
            if given_up():
                raise GivenUp
            return self._count_slice(text)

        return Encoding(self.name, count_slice)


_loaded: dict[EncodingName, Encoding] = {}
_locks: Mapping[EncodingName, threading.Lock] = {
    name: threading.Lock() for name in get_args(EncodingName)
}


def is_loaded(name: EncodingName) -> bool:
    """Whether `load` returns at once."""
    return name in _loaded


def load(name: EncodingName) -> Encoding:
    """The encoding of that name; its vocabulary is read at the first call.

    That takes 0.15 to 0.3 s and 28 to 51 MB, so it is for a worker thread; for
    up to 0.15 s of it no other thread runs, since the libraries build their
    tables in one call. A thread that asks while another one loads waits for it.

    :raises DamagedVocabulary: the vocabulary is missing or damaged.
    """
    with _locks[name]:
        if name not in _loaded:
            counter = _claude_counter() if name == "claude" else _tiktoken_counter(name)
            _loaded[name] = Encoding(name, counter)
        return _loaded[name]


_QUICK_CHARS: Mapping[EncodingName, int] = {
    "o200k_base": 2048,
    "cl100k_base": 2048,
    "claude": 1024,
}
"""Counted in 0.2 to 1.1 ms (measured at 0.06 to 0.35 µs a code point by
tiktoken, and 0.15 to 1.1 µs by tokenizers), and in 4 ms at the very worst."""


def quick_chars(name: EncodingName) -> int:
    """How many code points `is_quick` allows."""
    return _QUICK_CHARS[name]


def is_quick(name: EncodingName, length_chars: int) -> bool:
    """Whether texts of so many code points in all can be counted where a
    millisecond matters, such as on the reactor's thread: they are short, and
    the encoding is loaded."""
    return is_loaded(name) and length_chars <= _QUICK_CHARS[name]


# How the texts are split into words, as published for each encoding in
# tiktoken_ext/openai_public.py of the tiktoken project (MIT).
_WORD_PATTERNS: Mapping[EncodingName, str] = {
    "cl100k_base": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
    ),
    "o200k_base": (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
}


def _tiktoken_counter(name: EncodingName) -> Callable[[str], int]:
    # Imported at first use: it takes 20 ms that the daemon's start can spare.
    from tiktoken import Encoding as TiktokenEncoding

    # A comprehension, since it lets other threads run in between; line by line,
    # since a list of the lines would leave the process 10 MB larger.
    lines = io.BytesIO(read_vocabulary(name))
    ranks = {a2b_base64(token): int(rank) for token, rank in map(bytes.split, lines)}
    encoding = TiktokenEncoding(
        name, pat_str=_WORD_PATTERNS[name], mergeable_ranks=ranks, special_tokens={}
    )
    # The library keeps the dict, beside its own copy, for uses that counting
    # is not; emptied, it gives back up to 20 MB.
    ranks.clear()

    def count_slice(text: str) -> int:
        return len(encoding.encode_ordinary(text))

    return count_slice


def _claude_counter() -> Callable[[str], int]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(read_vocabulary("claude").decode())
    tokenizer.encode_special_tokens = True  # that is: as the text they are

    def count_slice(text: str) -> int:
        try:
            # encode() would hold the interpreter lock; the batch lets go of it.
            [encoded] = tokenizer.encode_batch_fast([text], add_special_tokens=False)
        except TypeError:
            # A lone surrogate; the library takes no text that UTF-8 can't hold.
            return count_slice(text.encode("utf-8", "replace").decode())
        return len(encoded)

    return count_slice
