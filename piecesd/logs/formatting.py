"""Log events as lines: text for people, JSON for machines. Pure.

An event can hold what a client sent, so nothing in it may end its line, begin
another or steer a terminal: control characters, Unicode's line separators and
its direction marks are escaped wherever they stand.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Literal, TypeAlias

from twisted.logger import LogEvent, formatEvent
from twisted.python.failure import Failure

from piecesd.logs.redaction import Redaction

FormatName = Literal["text", "json"]

LineFormat = Callable[[LogEvent, Redaction], str]
"""Makes an event a line that ends in a newline; never raises."""

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_MAX_TEXT_CHARACTERS = 32_768
_MAX_ITEMS = 100
_MAX_DEPTH = 4
_UNPRINTABLE = "(unprintable)"
_NO_TIME = "-"
_TRACEBACK_INDENT = "    "

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_NOT_FIELDS = frozenset(
    # What a JSON line has anyway, and what twisted.python.log adds to its events.
    {"time", "level", "namespace", "message", "traceback"}
    | {"system", "format", "isError", "failure", "why"}
)


def text_line(event: LogEvent, redact: Redaction) -> str:
    """``time [namespace#level] message``, the id of the request where the
    message lacks it, then the traceback of a failure in indented lines."""
    message = formatEvent(event)
    if "request_id" in event and "{request_id" not in _text(event.get("log_format")):
        message = f"{message} request_id={_text(event['request_id'])}"
    head = f"[{_text(event.get('log_namespace', '-'))}#{level_name(event)}] {message}"
    lines = [f"{_iso_time(event) or _NO_TIME} {_escape(_clean(head, redact))}\n"]
    traceback = _traceback(event)
    if traceback is not None:
        lines += [
            f"{_TRACEBACK_INDENT}{_escape(line)}\n"
            for line in _clean(traceback, redact).split("\n")
        ]
    return "".join(lines)


def json_line(event: LogEvent, redact: Redaction) -> str:
    """One JSON object: time (ISO 8601 with its zone), level, namespace,
    message, the event's own fields, and a failure's traceback.

    A field that is named like one of these is only to be seen in the message.
    """
    record: dict[str, Json] = {
        "time": _iso_time(event),
        "level": level_name(event),
        "namespace": _clean(_text(event.get("log_namespace")), redact),
        "message": _clean(formatEvent(event), redact),
    }
    for key, value in event.items():
        name = _text(key)
        if not name.startswith("log_") and name not in _NOT_FIELDS:
            record[_clean(name, redact)] = _plain(value, redact)
    traceback = _traceback(event)
    if traceback is not None:
        record["traceback"] = _clean(traceback, redact)
    # Inside JSON these characters can only stand in strings, so that the text
    # can be escaped as a whole.
    text = json.dumps(record, ensure_ascii=False, allow_nan=False)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


FORMATS: dict[FormatName, LineFormat] = {"text": text_line, "json": json_line}


def level_name(event: LogEvent) -> str:
    """``debug``, ``info``, ``warn``, ``error`` or ``critical``; ``info`` for
    an event without a level."""
    name = getattr(event.get("log_level"), "name", None)
    return name if isinstance(name, str) else "info"


def _iso_time(event: LogEvent) -> str | None:
    """The event's time in the local zone, which is what TZ says."""
    seconds = event.get("log_time")
    if not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None


def _traceback(event: LogEvent) -> str | None:
    failure = event.get("log_failure")
    if not isinstance(failure, Failure):
        return None
    try:
        return failure.getTraceback().rstrip("\n")
    except Exception:  # an exception whose own text can't be had
        return _UNPRINTABLE


def _plain(value: object, redact: Redaction, depth: int = 0) -> Json:
    """The value in JSON's terms; what has no counterpart becomes its text."""
    match value:
        case None | bool():
            return value
        case int() | float():
            text = _text(value)
            fits = math.isfinite(value) if isinstance(value, float) else abs(value) < 1 << 63
            return value if fits and redact(text) == text else _clean(text, redact)
        case dict() if depth < _MAX_DEPTH:
            return {
                _clean(_text(key), redact): _plain(each, redact, depth + 1)
                for key, each in list(value.items())[:_MAX_ITEMS]
            }
        case list() | tuple() | set() | frozenset() if depth < _MAX_DEPTH:
            return [_plain(each, redact, depth + 1) for each in list(value)[:_MAX_ITEMS]]
    return _clean(_text(value), redact)


def _text(value: object) -> str:
    try:
        return value.decode("utf-8", "backslashreplace") if type(value) is bytes else str(value)
    except Exception:  # whatever a foreign __str__ raises
        return _UNPRINTABLE


def _clean(text: str, redact: Redaction) -> str:
    """Without secrets, without lone surrogates (UTF-8 has none), and clipped;
    in this order, or a clipped secret would show its beginning."""
    text = redact(text)
    if len(text) > _MAX_TEXT_CHARACTERS:
        dropped = len(text) - _MAX_TEXT_CHARACTERS
        text = f"{text[:_MAX_TEXT_CHARACTERS]}… ({dropped} more characters)"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _escape(text: str) -> str:
    return _UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)
