"""Where a request begins and ends, read so strictly that no other reader of the
same bytes can see it elsewhere (RFC 9112 §2.2, §5, §6, §11.2). Lines in,
values out.

A proxy in front of piecesd and piecesd itself must agree on every boundary, or
one client's bytes become another one's request. What allows two readings is
therefore refused, also where the RFC would let a server repair it.
"""

import re
from dataclasses import dataclass

MAX_LINE_BYTES = 16 * 1024
MAX_HEADER_LINES = 100
MAX_HEADER_BYTES = 64 * 1024
"""Of one line, in number, and of the request line and all header lines."""

FRAMING_NAMES = frozenset({b"content-length", b"transfer-encoding", b"host"})
"""The headers, in lower case, that say where a request ends and whose it is."""

_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40} [!-~]+ HTTP/1\.[01]")
_HEADER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)")
_ABSOLUTE_FORM = re.compile(rb"https?://[^/?#@]+(?:[/?].*)?", re.IGNORECASE)
_UNFINISHED_LINE = re.compile(rb"[\t -~\x80-\xff]*\r?")
_LENGTH = re.compile(rb"[0-9]{1,18}")


class NotHttp(ValueError):
    """What arrived is no request, or none that has one reading only."""


def read_request_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    """The method, the target, which is a path or a whole URL, or ``*`` for
    OPTIONS, and the version.

    :raises NotHttp: it is something else, CONNECT among it.
    """
    if not _REQUEST_LINE.fullmatch(line):
        raise NotHttp
    method, target, version = line.split(b" ")
    if method == b"CONNECT" or not (
        target.startswith(b"/")
        or _ABSOLUTE_FORM.fullmatch(target)
        or (target == b"*" and method == b"OPTIONS")
    ):
        raise NotHttp
    return method, target, version


def can_become_line(unfinished: bytes) -> bool:
    """Whether ``unfinished``, which has no line end yet, can still become a line
    of a header. Neither what begins TLS can, nor what ends its lines with a
    line feed alone."""
    return bool(_UNFINISHED_LINE.fullmatch(unfinished))


def read_header_line(line: bytes) -> tuple[bytes, bytes]:
    """The name and the value of a header line, without the blanks around it.

    :raises NotHttp: it is none: it continues the line before it, has a blank
        in its name or before its colon, or a control character.
    """
    match = _HEADER_LINE.fullmatch(line)
    if match is None:
        raise NotHttp
    return match[1], match[2].strip(b" \t")


@dataclass(slots=True)
class BodyFraming:
    """What the header lines of one request of ``version`` say of its body:
    ``length`` in bytes, or ``is_chunked``, or neither where there is none."""

    version: bytes
    length: int | None = None
    is_chunked: bool = False
    has_host: bool = False

    def take(self, lower_name: bytes, value: bytes) -> None:
        """Take in one of the headers named in ``FRAMING_NAMES``.

        :raises NotHttp: it is said twice, or both ways, or in a way that is not
            plain.
        """
        if lower_name == b"host":
            if self.has_host:
                raise NotHttp
            self.has_host = True
        elif self.length is not None or self.is_chunked:
            raise NotHttp
        elif lower_name == b"content-length":
            if not _LENGTH.fullmatch(value):
                raise NotHttp
            self.length = int(value)
        else:
            if value.lower() != b"chunked" or self.version != b"HTTP/1.1":
                raise NotHttp
            self.is_chunked = True

    def end(self) -> None:
        """The header is over.

        :raises NotHttp: HTTP/1.1 without Host (RFC 9112 §3.2).
        """
        if not self.has_host and self.version == b"HTTP/1.1":
            raise NotHttp
