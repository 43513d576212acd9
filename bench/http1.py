"""The client's side of HTTP/1.1 (RFC 9112) with no I/O, as far as a load client needs it."""

from dataclasses import dataclass
from urllib.parse import urlsplit

_HEAD_END = b"\r\n\r\n"


class ResponseBroken(Exception):
    """What came is not the HTTP response it should be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where the API under test is, its key and the model that is asked for."""

    host: str
    port: int
    path: str
    model: str
    api_key: str = ""

    @classmethod
    def from_url(cls, url: str, *, model: str, api_key: str = "") -> "Target":
        """The API at a base URL such as ``http://127.0.0.1:8787/v1``.

        :raises ValueError: it is no http URL.
        """
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"not an http:// URL: {url!r}")
        path = parts.path.rstrip("/")
        return cls(
            host=parts.hostname, port=parts.port or 80, path=path, model=model, api_key=api_key
        )


def encode_post(target: Target, path: str, body: bytes) -> bytes:
    """A POST of JSON to ``path`` below the target's."""
    key = f"authorization: Bearer {target.api_key}\r\n" if target.api_key else ""
    head = (
        f"POST {target.path}{path} HTTP/1.1\r\n"
        f"host: {target.host}:{target.port}\r\n"
        "content-type: application/json\r\n"
        f"{key}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Chunked:
    """A body in chunks (RFC 9112 §7.1)."""

    def __init__(self) -> None:
        self.complete = False
        self._rest = b""
        self._chunk_bytes = 0
        self._in_trailers = False

    def feed(self, data: bytes) -> bytes:
        buffer = self._rest + data
        parts = []
        at = 0
        while not self.complete:
            if self._chunk_bytes:
                part = buffer[at : at + self._chunk_bytes]
                parts.append(part)
                at += len(part)
                self._chunk_bytes -= len(part)
                if self._chunk_bytes:
                    break
            line_end = buffer.find(b"\r\n", at)
            if line_end < 0:
                break
            self._take_line(buffer[at:line_end])
            at = line_end + 2
        self._rest = buffer[at:]
        return b"".join(parts)

    def _take_line(self, line: bytes) -> None:
        if self._in_trailers:
            self.complete = not line
        elif line:
            try:
                self._chunk_bytes = int(line.partition(b";")[0], 16)
            except ValueError as error:
                raise ResponseBroken(f"a chunk of size {line[:20]!r}") from error
            self._in_trailers = not self._chunk_bytes


class _Sized:
    """A body of a length that was told."""

    def __init__(self, size: int) -> None:
        self._missing = size

    @property
    def complete(self) -> bool:
        return self._missing <= 0

    def feed(self, data: bytes) -> bytes:
        self._missing -= len(data)
        return data


class ResponseReader:
    """Reads one response, however it is split; informational ones are skipped.

    ``status`` is 0 until the head is here; ``complete`` once the body is;
    ``reusable`` says whether the connection can carry another request then.
    """

    def __init__(self) -> None:
        self.status = 0
        self.complete = False
        self.reusable = False
        self._head = b""
        self._body: _Chunked | _Sized | None = None

    def feed(self, data: bytes) -> bytes:
        """The part of the body that ``data`` brings.

        :raises ResponseBroken: it is no HTTP/1.1 response.
        """
        if not self.status:
            self._head += data
            data = self._take_head()
            if not self.status:
                return b""
        if self._body is None:
            return data
        part = self._body.feed(data)
        self.complete = self._body.complete
        return part

    def feed_end(self) -> None:
        """The connection has been closed.

        :raises ResponseBroken: in the middle of the response.
        """
        if not self.status or self._body is not None:
            raise ResponseBroken("the connection was closed before the response was whole")
        self.complete = True

    def _take_head(self) -> bytes:
        while not self.status and _HEAD_END in self._head:
            head, _, self._head = self._head.partition(_HEAD_END)
            first, *lines = head.decode("latin-1").split("\r\n")
            version, _, rest = first.partition(" ")
            if version not in ("HTTP/1.1", "HTTP/1.0") or not rest[:3].isdigit():
                raise ResponseBroken(f"a status line {first[:40]!r}")
            if rest[0] == "1":
                continue
            self.status = int(rest[:3])
            pairs = (line.partition(":") for line in lines)
            headers = {name.lower(): value.strip().lower() for name, _, value in pairs}
            self._choose_body(headers)
            self.reusable = (
                version == "HTTP/1.1"
                and self._body is not None
                and headers.get("connection") != "close"
            )
        return self._head if self.status else b""

    def _choose_body(self, headers: dict[str, str]) -> None:
        if headers.get("transfer-encoding", "").endswith("chunked"):
            self._body = _Chunked()
        elif "content-length" in headers:
            self._body = _Sized(int(headers["content-length"]))
