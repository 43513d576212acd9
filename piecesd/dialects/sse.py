"""Server-sent events, as the HTML Standard lays them out (§9.2.5 and §9.2.6).

Only ``data`` fields are read. The Anthropic API and OpenAI's Responses name their
events besides; the rest of the OpenAI API does not.
"""

import codecs
import re

CONTENT_TYPE = "text/event-stream; charset=utf-8"

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment, which whoever reads the stream skips."""

# Many clients cut a stream into lines with something like Python's splitlines(),
# which also cuts at these. They stand in JSON only inside strings, where an
# escape means the same.
_LINE_SEPARATORS = [
    ("\u0085".encode(), rb"\u0085"),
    ("\u2028".encode(), rb"\u2028"),
    ("\u2029".encode(), rb"\u2029"),
]

_LINE_END = re.compile(r"\r\n|\r|\n")
_ENCODED_LINE_END = re.compile(rb"\r\n|\r|\n")


def frame(data: bytes, event: str = "") -> bytes:
    """One event that carries ``data``, which is UTF-8. Each of its lines becomes
    a field; whoever reads them has their ends as plain newlines.

    :param event: its name, one line; empty for none.
    """
    name = b"event: %b\n" % event.encode() if event else b""
    lines = _ENCODED_LINE_END.split(data)
    return name + b"".join(b"data: %b\n" % line for line in lines) + b"\n"


def line_safe(json: bytes) -> bytes:
    """The same JSON without a raw character that may be taken for a line's end."""
    for character, escape in _LINE_SEPARATORS:
        json = json.replace(character, escape)
    return json


class SseParser:
    """Reads a stream of events from pieces cut anywhere, even inside a character.

    What isn't UTF-8 is read as U+FFFD. An event that the stream ends in before
    its blank line is no event.
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._line_parts: list[str] = []
        self._data: list[str] = []
        self._after_carriage_return = False

    def feed(self, piece: bytes) -> list[str]:
        """The data of each event that ``piece`` completes."""
        text = self._decode(piece)
        if not text:
            return []
        if self._after_carriage_return:
            text = text.removeprefix("\n")
        self._after_carriage_return = text.endswith("\r")
        *ended, rest = _LINE_END.split(text)
        events = []
        for line in ended:
            data = self._end_line(line)
            if data is not None:
                events.append(data)
        self._line_parts.append(rest)
        return events

    def _end_line(self, last_part: str) -> str | None:
        """Take a whole line; the data of the event that it ends, if it ends one."""
        line = "".join([*self._line_parts, last_part])
        self._line_parts.clear()
        if not line:
            data, self._data = self._data, []
            return "\n".join(data) if data else None
        name, _, value = line.partition(":")
        if name == "data":
            self._data.append(value.removeprefix(" "))
        return None
