"""What stands for the console in tests."""


class Sink:
    """Remembers what is written to it, ``most`` bytes a call, or fails."""

    def __init__(self, *, most: int | None = None, error: Exception | None = None) -> None:
        self.written = b""
        self.calls = 0
        self._most = most
        self._error = error

    def write(self, data: bytes, /) -> int:
        self.calls += 1
        if self._error is not None:
            raise self._error
        taken = data[: self._most]
        self.written += taken
        return len(taken)
