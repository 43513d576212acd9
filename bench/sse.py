"""Counting the events of a streamed answer, as cheaply as exactness allows."""

from bench.script import MARK

_DONE = b"data: [DONE]"


class EventCounter:
    """Counts server-sent events, however their bytes are split.

    ``content_events`` are events that carry text of the answer and ``pieces``
    the pieces in them; the two differ where a gateway joins pieces. ``done``:
    the closing ``[DONE]`` has come. ``error`` is the event that reported one.
    """

    def __init__(self) -> None:
        self.content_events = 0
        self.pieces = 0
        self.done = False
        self.error = b""
        self._rest = b""
        self._gap = b""

    @property
    def partial(self) -> bool:
        """An event has begun and not ended."""
        return bool(self._rest)

    def feed(self, data: bytes) -> bytes:
        """Count the events that ``data`` completes, and return their bytes."""
        data = self._rest + data
        gap = self._gap or self._find_gap(data)
        end = data.rfind(gap) if gap else -1
        if end < 0:
            self._rest = data
            return b""
        self._rest = data[end + len(gap) :]
        events = data[:end]
        for event in events.split(gap):
            if MARK in event:
                self.content_events += 1
            elif event.strip() == _DONE:
                self.done = True
            elif b'"error"' in event:
                self.error = event
        self.pieces += events.count(MARK)
        return events

    def _find_gap(self, data: bytes) -> bytes:
        """Events end with an empty line; a gateway ends its lines in one way."""
        for gap in (b"\n\n", b"\r\n\r\n"):
            if gap in data:
                self._gap = gap
        return self._gap
