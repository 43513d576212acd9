"""Reads the tool calls in a model's reply, piece by piece.

The form is the one that `piecesd.emulation.tools` tells the model. Text before
the first block comes out as it arrives, but for what may still become the
beginning of one; a call comes out once all of it is there and is right. What
comes out depends on the text alone and not on how it was cut.
"""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from piecesd.emulation.tools import CLOSING, OPENING

_HEAD = re.compile(r'\s+name\s*=\s*"(?P<name>[^"<>]*)"\s*>|\s*(?P<unnamed>>)')
_HEAD_CHARACTERS = 200
"""A head that has no end within so many is none."""

_MOST_CLOSINGS = 100
"""How often the end of a block may stand within its JSON."""

_UNTERMINATED = "Unterminated string"


@dataclass(frozen=True, slots=True)
class Call:
    """A whole call. ``arguments`` is the text of a JSON object."""

    name: str
    arguments: str


Part = str | Call
"""Text for the client, or a call."""

Check = Callable[[Call], str]
"""Says in English what is wrong with a call's arguments; empty for nothing."""


class CallReader:
    """Reads one reply.

    ``calls`` is how many have come out. ``fault`` says what is wrong with the
    reply once something is; ``rest`` is its text from the faulty block on, none
    of which came out.

    :param names: those of the tools that may be called.
    :param most_calls: those that come after so many are not read.
    """

    def __init__(self, names: Collection[str], *, most_calls: float = float("inf")) -> None:
        self._names = names
        self._most_calls = most_calls
        self._held = ""
        self._searched = 0
        self._closings = 0
        self._in_block = False
        self.calls = 0
        self.fault = ""
        self.rest = ""

    def feed(self, piece: str) -> list[Part]:
        """What may come out now that ``piece`` has arrived."""
        if self.fault:
            self.rest += piece
            return []
        self._held += piece
        parts: list[Part] = []
        while self.calls < self._most_calls:
            part = self._next_call() if self._in_block else self._next_text()
            if part is None:
                return parts
            if part:
                parts.append(part)
        self._held = ""
        return parts

    def finish(self) -> list[Part]:
        """What was held back and is right, now that nothing follows."""
        if self._in_block:
            self._fail("a block is not closed")
        elif not self.fault and not self.calls:
            text, self._held = self._held, ""
            return [text] if text else []
        return []

    def _next_text(self) -> Part | None:
        """The text up to the next block. None: that is all there is for now."""
        held = self._held
        if self.calls:
            held = held.lstrip()
            if not held.startswith(OPENING):
                if not OPENING.startswith(held):
                    # Behind a call there is only space for another one. What else
                    # follows is not for the client: the model has ended its turn.
                    self._most_calls = self.calls
                return None
        start = held.find(OPENING)
        if start >= 0:
            self._in_block = True
            self._held = held[start + len(OPENING) :]
            self._searched = self._closings = 0
            return held[:start].rstrip()
        kept = _end_that_may_begin(held)
        text = held[: len(held) - kept].rstrip()
        self._held = held[len(text) :]
        return text or None

    def _next_call(self) -> Part | None:
        held = self._held
        head = _HEAD.match(held)
        if head is None:
            if ">" in held or len(held) > _HEAD_CHARACTERS:
                self._fail("a block has no name")
            return None
        while True:
            end = held.find(CLOSING, max(self._searched, head.end()))
            if end < 0:
                self._searched = max(len(held) - len(CLOSING) + 1, 0)
                return None
            self._searched = end + len(CLOSING)
            self._closings += 1
            try:
                call = _read(head["name"], held[head.end() : end])
            except ValueError as error:
                if str(error).startswith(_UNTERMINATED) and self._closings < _MOST_CLOSINGS:
                    continue
                self._fail(f"what stands in a block is no JSON object ({error})")
                return None
            if call.name not in self._names:
                self._fail(f"there is no function {call.name!r}")
                return None
            self._held = held[self._searched :]
            self._in_block = False
            self.calls += 1
            return call

    def _fail(self, fault: str) -> None:
        self.fault = fault
        self.rest = OPENING + self._held
        self._held = ""
        self._in_block = False


def _read(name: str | None, content: str) -> Call:
    """:raises ValueError: ``content`` is no JSON object."""
    text = content.strip() or "{}"
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"it is of type {type(value).__name__}")
    if name is not None:
        return Call(name, text)
    # Some models know another form too well: the name stands in the object.
    arguments = value.get("arguments", value.get("parameters", {}))
    if not isinstance(value.get("name"), str) or not isinstance(arguments, dict):
        raise ValueError("it has no name")
    return Call(value["name"], json.dumps(arguments, ensure_ascii=False))


def _end_that_may_begin(text: str) -> int:
    """How many characters at the end of ``text`` begin a block."""
    for length in range(min(len(OPENING) - 1, len(text)), 0, -1):
        if OPENING.startswith(text[-length:]):
            return length
    return 0
