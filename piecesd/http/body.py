"""A request's body, read as far as it goes and no further (RFC 9112 §6.3, §7.1).
Bytes in, bytes out."""

import re

from piecesd.http.framing import MAX_HEADER_LINES, NotHttp, can_become_line, read_header_line

_MAX_LINE_BYTES = 1024
"""Of a chunk's size with its extensions, and of a trailer."""

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t -~\x80-\xff]*)?")
_FREE_OVERHEAD_BYTES = 16 * 1024
"""What chunks may cost beside their data, and as much as the data once more: a
body in chunks of a byte is six times its size, and far more work."""


class SizedBody:
    """A body of ``length`` bytes."""

    def __init__(self, length: int) -> None:
        self._bytes_left = length

    def feed(self, received: bytes) -> tuple[bytes, bytes | None]:
        """The data in ``received``, and what follows the body; None before its
        end. Not to be called after it."""
        data = received[: self._bytes_left]
        self._bytes_left -= len(data)
        return data, None if self._bytes_left else received[len(data) :]


class ChunkedBody:
    """A chunked body. Extensions and trailers are read and dropped; the latter
    have to be header lines."""

    def __init__(self) -> None:
        self._unread = b""
        self._position = 0
        self._chunk_bytes_left = 0
        self._at_chunk_end = False
        self._in_trailers = False
        self._trailers = 0
        self._overhead_bytes = 0
        self._data_bytes = 0

    def feed(self, received: bytes) -> tuple[bytes, bytes | None]:
        """As that of `SizedBody`.

        :raises NotHttp: it is no chunked body, or one in absurdly small chunks.
        """
        self._unread += received
        self._position = 0
        pieces: list[bytes] = []
        while not self._in_trailers and self._take_chunk(pieces):
            pass
        is_over = self._in_trailers and self._take_trailers()
        data = b"".join(pieces)
        self._data_bytes += len(data)
        self._overhead_bytes += self._position - len(data)
        if self._overhead_bytes > _FREE_OVERHEAD_BYTES + self._data_bytes:
            raise NotHttp
        self._unread = self._unread[self._position :]
        return data, self._unread if is_over else None

    def _take_chunk(self, pieces: list[bytes]) -> bool:
        """Take a chunk, or what is there of it; whether there may be more."""
        if self._chunk_bytes_left:
            piece = self._unread[self._position : self._position + self._chunk_bytes_left]
            pieces.append(piece)
            self._position += len(piece)
            self._chunk_bytes_left -= len(piece)
            if self._chunk_bytes_left:
                return False
            self._at_chunk_end = True
        if self._at_chunk_end:
            end = self._unread[self._position : self._position + 2]
            if not b"\r\n".startswith(end):
                raise NotHttp
            if len(end) < 2:
                return False
            self._position += 2
            self._at_chunk_end = False
        line = self._take_line()
        if line is None:
            return False
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise NotHttp
        self._chunk_bytes_left = int(match[1], 16)
        self._in_trailers = not self._chunk_bytes_left
        return True

    def _take_trailers(self) -> bool:
        """Take the lines behind the last chunk; whether all of them are here."""
        while (line := self._take_line()) is not None:
            if not line:
                return True
            read_header_line(line)
            self._trailers += 1
            if self._trailers > MAX_HEADER_LINES:
                raise NotHttp
        return False

    def _take_line(self) -> bytes | None:
        end = self._unread.find(b"\r\n", self._position, self._position + _MAX_LINE_BYTES)
        if end < 0:
            unfinished = self._unread[self._position :][:_MAX_LINE_BYTES]
            if len(unfinished) == _MAX_LINE_BYTES or not can_become_line(unfinished):
                raise NotHttp
            return None
        line = self._unread[self._position : end]
        self._position = end + 2
        return line
