"""Faults that a conversation can ask for, so that tests can meet them.

Only a server that was told to looks for them. A directive stands anywhere in
the last user message::

    [[fault: after=3 status=UNAVAILABLE]]

It is a list of words and of ``name=value``, each at most once:

=================  ==========================================================
``pieces=N``       answer with N pieces of ``size`` characters, as fast as
                   they go, in the place of the model's own answer
``size=S``         characters a piece; 0 makes them empty. Either of the two
                   alone leaves the other at 1
``after=N``        the pieces that come before the outcome (default 0); where
                   the answer is shorter, the outcome takes the place of its end
``late``           the outcome comes behind the whole answer, code 204 and all;
                   that of a unary call, in the place of its reply
``attempts=K``     only the first K calls with this same message meet the
                   outcome; later ones are answered whole
``pause=M``        M milliseconds of silence before each piece
``checked``        the answer of ``pieces`` and ``size`` shows by itself whether
                   it is whole (`piecesd.embedded.checked`)
=================  ==========================================================

and at most one outcome, without which the answer ends as it should:

=================  ==========================================================
``code=C``         a reply with the response code C ends the answer
``status=NAME``    the call ends with the gRPC status NAME
``stall``          nothing more comes, ever
``reset``          the connection is reset
``garbage``        a reply comes whose text is not UTF-8, and then the end
``unmarked``       the call ends with OK, but without code 204
=================  ==========================================================
"""

import re
from dataclasses import dataclass
from typing import Literal, cast

import grpc

from piecesd.chat import Message
from piecesd.embedded.model import AnswerFailed, CallFailed

Sabotage = Literal["stall", "reset", "garbage", "unmarked"]
Outcome = AnswerFailed | CallFailed | Sabotage
"""What ends the answer: how a model can fail, or what no model could do."""

_DIRECTIVE = re.compile(r"\[\[fault:([^\]]*)\]\]")
_NUMBERS = frozenset({"pieces", "size", "after", "attempts", "pause"})
_FLAGS = frozenset({"late", "checked"})
_SABOTAGES = frozenset({"stall", "reset", "garbage", "unmarked"})


class FaultSyntaxError(ValueError):
    """A directive that says nothing this module knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A directive, read. None means not given."""

    outcome: Outcome | None = None
    after: int = 0
    pieces: int | None = None
    size: int | None = None
    attempts: int | None = None
    pause_milliseconds: int = 0
    is_late: bool = False
    is_checked: bool = False


def find_fault(messages: tuple[Message, ...]) -> Fault | None:
    """The fault that the last user message asks for; None without a directive.

    :raises FaultSyntaxError: there is a directive, but it can't be read.
    """
    text = next((m.text for m in reversed(messages) if m.role == "user"), "")
    found = _DIRECTIVE.search(text)
    return None if found is None else parse_fault(found[1])


def parse_fault(words: str) -> Fault:
    """Read what stands between ``[[fault:`` and ``]]``.

    :raises FaultSyntaxError: a word is unknown, given twice or has no
        possible value, or there are two outcomes.
    """
    numbers: dict[str, int] = {}
    flags: set[str] = set()
    outcome: Outcome | None = None
    for word in words.split():
        name, _, value = word.partition("=")
        if name in _NUMBERS and name not in numbers:
            numbers[name] = _number(word, value)
        elif word in _FLAGS and word not in flags:
            flags.add(word)
        elif outcome is None:
            outcome = _outcome(word, name, value)
        else:
            raise FaultSyntaxError(f"{word!r} comes too late or twice")
    return Fault(
        outcome=outcome,
        after=numbers.get("after", 0),
        pieces=numbers.get("pieces"),
        size=numbers.get("size"),
        attempts=numbers.get("attempts"),
        pause_milliseconds=numbers.get("pause", 0),
        is_late="late" in flags,
        is_checked="checked" in flags,
    )


def _outcome(word: str, name: str, value: str) -> Outcome:
    if name == "code":
        return AnswerFailed(_number(word, value))
    if name == "status" and value in grpc.StatusCode.__members__:
        return CallFailed(grpc.StatusCode[value], "a scripted fault")
    if word in _SABOTAGES:
        return cast(Sabotage, word)
    raise FaultSyntaxError(f"{word!r} is no fault")


def _number(word: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise FaultSyntaxError(f"{word!r} needs a whole number")
    return int(value)
