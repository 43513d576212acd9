"""Formats of answers: what the model is told of one, and its JSON in a reply."""

import json
import re
from collections.abc import Sequence

from piecesd.chat import AnswerFormat, Message
from piecesd.emulation.instructions import instruct

_INSTRUCTIONS = """\
Reply with {what} and nothing else: no word before or after it, and no code fence \
around it."""
_SCHEMA = """\
 It has to fit this JSON schema:

{schema}"""

_FENCE = re.compile(r"```[a-zA-Z]*\s*\n(?P<inside>.*?)\n\s*```", re.DOTALL)
_BEGINNING = re.compile(r"[{\[]")
_MOST_BEGINNINGS = 20


class NotJson(ValueError):
    """There is no JSON of the format in a reply; the message says why."""


def told(messages: Sequence[Message], answer_format: AnswerFormat) -> tuple[Message, ...]:
    """``messages`` with what the model is told of the format."""
    return instruct(messages, _instructions(answer_format))


def _instructions(answer_format: AnswerFormat) -> str:
    if answer_format.schema is None:
        return _INSTRUCTIONS.format(what="one JSON object")
    what = "one JSON value"
    if answer_format.name:
        what += f", {answer_format.name}"
    if answer_format.description:
        what += f" ({answer_format.description})"
    return _INSTRUCTIONS.format(what=what) + _SCHEMA.format(schema=answer_format.schema)


def read_json(reply: str, *, any_value: bool) -> str:
    """The text of the JSON in ``reply``: all of it, what stands in its only code
    fence, or the first object or array in it that is whole.

    :param any_value: it may be another value than an object.
    :raises NotJson: there is none.
    """
    text = reply.strip()
    fences: list[str] = _FENCE.findall(text)
    fault = "it is empty" if not text else ""
    for candidate in [text, *(fence.strip() for fence in fences[:1] if len(fences) == 1)]:
        try:
            value = json.loads(candidate, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            fault = fault or f"it is not JSON: {error}"
        else:
            if any_value or isinstance(value, dict):
                return candidate
            fault = "it is not a JSON object"
    found = _first_value(text, any_value=any_value)
    if found is None:
        raise NotJson(fault)
    return found


def _refuse_constant(name: str) -> None:
    """Python reads NaN and Infinity, which JSON has not."""
    raise ValueError(f"there is no {name} in JSON")


def _first_value(text: str, *, any_value: bool) -> str | None:
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    for count, beginning in enumerate(_BEGINNING.finditer(text)):
        if count == _MOST_BEGINNINGS:
            break
        try:
            value, end = decoder.raw_decode(text, beginning.start())
        except (ValueError, RecursionError):
            continue
        if any_value or isinstance(value, dict):
            return text[beginning.start() : end]
    return None
