"""What an answer came to, and whether it kept the rules of docs/reliability.md."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from piecesd.embedded.checked import checked_pieces, is_whole_answer
from soak.shapes import Shape

FORESEEN = frozenset(
    {
        "upstream_unavailable",
        "upstream_broken",
        "upstream_error",
        "upstream_timeout",
        "rate_limit_exceeded",
        "overloaded",
    }
)
"""The codes of errors that are the upstream's fault, or the load's."""


class RuleBroken(Exception):
    """The daemon did what it must not do."""


@dataclass(slots=True)
class _Heard:
    """What a client was told."""

    texts: dict[int, str] = field(default_factory=dict)
    finished: dict[int, str] = field(default_factory=dict)
    error: Any = None
    is_done: bool = False


def judge(shape: Shape, status: int, body: bytes, *, complete: bool) -> str:
    """How the request ended: ``whole``, ``left``, or the code of its error.

    :param complete: the response came to its end; otherwise the client left.
    :raises RuleBroken: it lacks, doubles or makes up text, says that it is
        whole and is not, ends without a word, or fails as nobody foresaw.
    """
    if status == 0:
        return "left"
    heard = _Heard()
    if shape.streamed and status == 200:
        _hear_events(heard, body, complete=complete)
    elif complete:
        _hear_document(heard, body)
        heard.is_done = heard.error is None
    for text in heard.texts.values():
        _check_text(shape, text)
    if heard.error is not None:
        if heard.error["code"] not in FORESEEN:
            raise RuleBroken(f"an error that nobody foresaw: {heard.error}")
        if len(heard.finished) == shape.choices:
            raise RuleBroken("an error after the finish")
        return str(heard.error["code"])
    if heard.is_done:
        _check_whole(shape, heard)
        return "whole"
    if complete:
        raise RuleBroken("it ended without [DONE] and without an error")
    return "left"


def _hear_document(heard: _Heard, body: bytes) -> None:
    document = json.loads(body)
    heard.error = document.get("error")
    for choice in document.get("choices", ()):
        heard.texts[choice["index"]] = choice["message"]["content"]
        heard.finished[choice["index"]] = choice["finish_reason"]


def _hear_events(heard: _Heard, body: bytes, *, complete: bool) -> None:
    for data in _events(body, complete=complete):
        if heard.is_done or heard.error is not None:
            raise RuleBroken(f"something follows the end: {data[:100]!r}")
        if data == b"[DONE]":
            heard.is_done = True
            continue
        chunk = json.loads(data)
        heard.error = chunk.get("error")
        for choice in chunk.get("choices", ()):
            index, text = choice["index"], choice["delta"].get("content", "")
            if index in heard.finished:
                raise RuleBroken("text after the finish")
            heard.texts[index] = heard.texts.get(index, "") + text
            if choice["finish_reason"] is not None:
                heard.finished[index] = choice["finish_reason"]


def _events(body: bytes, *, complete: bool) -> Iterator[bytes]:
    *events, rest = body.split(b"\n\n")
    if rest and complete:
        raise RuleBroken(f"half an event at the end: {rest[:100]!r}")
    for event in events:
        if not event.startswith(b"data: "):
            raise RuleBroken(f"no event: {event[:100]!r}")
        yield event.removeprefix(b"data: ")


def _check_text(shape: Shape, text: str) -> None:
    expected = "".join(checked_pieces(shape.question, shape.pieces, shape.size))
    if not expected.startswith(text):
        raise RuleBroken(f"{len(text)} characters that are no beginning of the answer")


def _check_whole(shape: Shape, heard: _Heard) -> None:
    if heard.finished != dict.fromkeys(range(shape.choices), "stop"):
        raise RuleBroken(f"a whole answer with the finish reasons {heard.finished}")
    for index in range(shape.choices):
        if not is_whole_answer(shape.question, heard.texts[index]):
            raise RuleBroken("pieces are lost or doubled in an answer that is said to be whole")
