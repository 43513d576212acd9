"""The demonstration model: answers from the conversation alone, and says so."""

import asyncio
import re
from collections import deque

from piecesd.chat import ChatRequest
from piecesd.embedded.model import AnswerStream, Piece

MAX_QUOTED_CHARACTERS = 2_000
"""How much of the last message the answer repeats."""

# Scripts that set no blanks between words count by the character.
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef"
_WORD = re.compile(rf"\s*[{_UNSPACED}]|\s*[^\s{_UNSPACED}]+|\s+")


class EchoModel:
    """See `piecesd.embedded.model.Model`.

    :param seconds_per_word: the pause before each word of an answer that is
        watched; 0 for none.
    """

    name = "the built-in demonstration model"

    def __init__(self, seconds_per_word: float) -> None:
        self._seconds_per_word = seconds_per_word

    def open(self, request: ChatRequest, *, paced: bool) -> AnswerStream:
        return _EchoStream(
            split_words(echo_text(request)), self._seconds_per_word if paced else 0.0
        )


class _EchoStream:
    def __init__(self, words: list[str], seconds_per_word: float) -> None:
        self._words = deque(words)
        self._seconds_per_word = seconds_per_word

    async def next_piece(self) -> Piece:
        if self._seconds_per_word:
            await asyncio.sleep(self._seconds_per_word)
        return Piece(self._words.popleft(), is_last=not self._words)

    def close(self) -> None:
        self._words.clear()


def echo_text(request: ChatRequest) -> str:
    """The whole answer to ``request``; the same for the same conversation."""
    dialogue = [message for message in request.messages if message.role != "system"]
    if not dialogue:
        said = "There is no message to answer."
    else:
        quoted = dialogue[-1].text[:MAX_QUOTED_CHARACTERS]
        more = "…" if len(dialogue[-1].text) > MAX_QUOTED_CHARACTERS else ""
        said = f"Message {len(dialogue)} of this conversation says: {quoted}{more}"
    return (
        f"This is the built-in demonstration model of piecesd, in the place of {request.model}; "
        f"no language model has read your words. {said}"
    )


def split_words(text: str) -> list[str]:
    """``text`` cut into its words, each with the blanks before it."""
    return _WORD.findall(text)
