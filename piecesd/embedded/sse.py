"""Reading server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

Only what the OpenAI API uses of them: the data of each event.
"""

from collections.abc import Iterator

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""An event larger than this is no piece of an answer, but a peer gone wrong."""


class BrokenEvents(ValueError):
    """What came is not an event stream that can be read."""


class EventReader:
    """Takes bytes as they come, cut anywhere, and gives the data of whole events."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._data_bytes = 0

    def feed(self, received: bytes) -> Iterator[str]:
        """The data of each event that ``received`` completes. Events without
        data, comments and other fields are skipped. To be read to its end.

        :raises BrokenEvents: an event is too large or is not UTF-8; those
            before it have come out.
        """
        lines = (self._rest + received).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            event = self._line(line)
            if event is not None:
                yield event
        if len(self._rest) + self._data_bytes > MAX_EVENT_BYTES:
            raise BrokenEvents("an event is too large")

    def _line(self, line: bytes) -> str | None:
        """Take one line; the data of an event if it ends one."""
        line = line.removesuffix(b"\r")
        if line:
            field, _, value = line.partition(b":")
            if field == b"data":
                self._data.append(value.removeprefix(b" "))
                self._data_bytes += len(value)
            return None
        if not self._data:
            return None
        data = b"\n".join(self._data)
        self._data.clear()
        self._data_bytes = 0
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise BrokenEvents("an event is not UTF-8") from None
