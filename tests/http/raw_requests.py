"""Bytes that strangers send, and what becomes of each: one table for every way
of sending them.

A case is sent on a connection of its own. ``statuses`` are those of all the
responses that come, in their order; after an error the connection is closed.
``code`` is that of the last response's error, None where it is none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

GET = b"GET /ping HTTP/1.1\r\n"
HOST = b"Host: test\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /v1/smuggled HTTP/1.1\r\nHost: test\r\n\r\n"
"""What another reader of the same bytes would take for a second request."""

MAX_BODY_BYTES = 1_000_000
"""The limit of the sites and daemons to which these are sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RawRequest:
    name: str
    data: bytes
    statuses: tuple[int, ...] = (400,)
    code: str | None = "malformed_http"


def _not_http(cases: dict[str, bytes]) -> Iterator[RawRequest]:
    for name, data in cases.items():
        yield RawRequest(name=name, data=data)


def _with_headers(cases: dict[str, bytes]) -> Iterator[RawRequest]:
    """Each behind a good request line and Host, before a second request."""
    for name, lines in cases.items():
        yield RawRequest(name=name, data=POST + lines + b"\r\n" + SMUGGLED)


def _with_chunks(cases: dict[str, bytes]) -> Iterator[RawRequest]:
    for name, chunks in cases.items():
        yield RawRequest(name=name, data=CHUNKED + chunks + SMUGGLED)


def _too_large(cases: dict[str, bytes]) -> Iterator[RawRequest]:
    for name, data in cases.items():
        yield RawRequest(name=name, data=data, statuses=(431,), code="header_too_large")


REFUSED = (
    *_not_http(
        {
            "nonsense": b"nonsense\r\n\r\n",
            "HTTP/0.9": b"GET /ping\r\n",
            "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "HTTP/3": b"GET /ping HTTP/3\r\n" + HOST + b"\r\n",
            "HTTP/1.10": b"GET /ping HTTP/1.10\r\n" + HOST + b"\r\n",
            "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)),
            "a PROXY header": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GET + HOST + b"\r\n",
            "a PROXY header of version 2": b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12),
            "line feeds alone": b"GET /ping HTTP/1.1\nHost: test\n\n",
            "carriage returns alone": b"GET /ping HTTP/1.1\rHost: test\r\r",
            "two blanks": b"GET  /ping HTTP/1.1\r\n" + HOST + b"\r\n",
            "a tab for a blank": b"GET\t/ping HTTP/1.1\r\n" + HOST + b"\r\n",
            "a blank in front": b" GET /ping HTTP/1.1\r\n" + HOST + b"\r\n",
            "a blank behind": b"GET /ping HTTP/1.1 \r\n" + HOST + b"\r\n",
            "a blank in the target": b"GET /pi ng HTTP/1.1\r\n" + HOST + b"\r\n",
            "a NUL in the target": b"GET /pi\x00ng HTTP/1.1\r\n" + HOST + b"\r\n",
            "bytes beyond ASCII in the target": b"GET /\xe9 HTTP/1.1\r\n" + HOST + b"\r\n",
            "a method that is no token": b"G(T /ping HTTP/1.1\r\n" + HOST + b"\r\n",
            "a method without end": b"G" * 100 + b" /ping HTTP/1.1\r\n" + HOST + b"\r\n",
            "CONNECT": b"CONNECT test:443 HTTP/1.1\r\n" + HOST + b"\r\n",
            "CONNECT to a path": b"CONNECT /ping HTTP/1.1\r\n" + HOST + b"\r\n",
            "a target of no form": b"GET ping HTTP/1.1\r\n" + HOST + b"\r\n",
            "a URL of another scheme": b"GET file:///etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
            "a URL with a user": b"GET http://a@b/ping HTTP/1.1\r\n" + HOST + b"\r\n",
            "an asterisk for GET": b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
            "two empty lines in front": b"\r\n\r\n" + GET + HOST + b"\r\n",
            "no Host": GET + b"\r\n",
            "two Hosts": GET + HOST + HOST + b"\r\n",
        }
    ),
    *_with_headers(
        {
            "lengths that differ": b"Content-Length: 3\r\nContent-Length: 30\r\n",
            "a length twice": b"Content-Length: 0\r\nContent-Length: 0\r\n",
            "lengths in a list": b"Content-Length: 3, 3\r\n",
            "a negative length": b"Content-Length: -1\r\n",
            "a length with a sign": b"Content-Length: +3\r\n",
            "a length in hex": b"Content-Length: 0x3\r\n",
            "a length with a blank in it": b"Content-Length: 1 0\r\n",
            "a length with an underscore": b"Content-Length: 1_0\r\n",
            "a fraction of a length": b"Content-Length: 3.0\r\n",
            "an empty length": b"Content-Length:\r\n",
            "a length of other digits": b"Content-Length: \xd9\xa3\r\n",
            "a length of thousands of digits": b"Content-Length: " + b"9" * 5000 + b"\r\n",
            "length, then chunked": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
            "chunked, then length": b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
            "chunked twice in a list": b"Transfer-Encoding: chunked, chunked\r\n",
            "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "xchunked": b"Transfer-Encoding: xchunked\r\n",
            "chunked in quotes": b'Transfer-Encoding: "chunked"\r\n',
            "chunked with a parameter": b"Transfer-Encoding: chunked;q=1\r\n",
            "gzip, chunked": b"Transfer-Encoding: gzip, chunked\r\n",
            "identity": b"Transfer-Encoding: identity\r\n",
            "identity beside a length": b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n",
            "no encoding": b"Transfer-Encoding:\r\n",
            "chunked behind a vertical tab": b"Transfer-Encoding: \x0bchunked\r\n",
            "chunked before a NUL": b"Transfer-Encoding: chunked\x00\r\n",
            "a blank before the colon": b"Transfer-Encoding : chunked\r\n",
            "a tab before the colon": b"Content-Length\t: 3\r\n",
            "a blank in a name": b"Content Length: 3\r\n",
            "a NUL in a name": b"X\x00: 3\r\n",
            "bytes beyond ASCII in a name": b"X\xe9: 3\r\n",
            "no name": b": 3\r\n",
            "no colon": b"no colon\r\n",
            "a continued line": b"X-One: 1\r\n two\r\n",
            "a continued encoding": b"Transfer-Encoding:\r\n chunked\r\n",
            "a continued line with a tab": b"X-One: 1\r\n\tTransfer-Encoding: chunked\r\n",
            "a first line that continues": b" Transfer-Encoding: chunked\r\n",
            "a bare line feed": b"X-One: 1\nTransfer-Encoding: chunked\r\n",
            "a bare carriage return": b"X-One: 1\rTransfer-Encoding: chunked\r\n",
            "a NUL in a value": b"X-One: a\x00b\r\n",
            "an escape in a value": b"X-One: \x1b[2J\r\n",
            "a DEL in a value": b"X-One: \x7f\r\n",
        }
    ),
    *_not_http(
        {
            "chunked in HTTP/1.0": POST.replace(b"1.1", b"1.0")
            + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            + SMUGGLED,
            "no colon in the last line": GET + HOST + b"no colon\r\n\r\n",
        }
    ),
    *_with_chunks(
        {
            "a size that is none": b"not a size\r\n",
            "an empty size": b"\r\n",
            "a negative size": b"-1\r\n",
            "a size in hex of C": b"0x3\r\nabc\r\n0\r\n\r\n",
            "a size with an underscore": b"1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n",
            "a size behind a blank": b" 3\r\nabc\r\n0\r\n\r\n",
            "a size of too many digits": b"0" * 100 + b"3\r\nabc\r\n0\r\n\r\n",
            "a size beyond all bounds": b"f" * 16 + b"\r\nabc",
            "more data than said": b"3\r\nabcd\r\n0\r\n\r\n",
            "less data than said": b"3\r\nab\r\n0\r\n\r\n",
            "a line feed behind the size": b"3\nabc\r\n0\r\n\r\n",
            "a line feed behind the data": b"3\r\nabc\n0\r\n\r\n",
            "a carriage return behind the size": b"3\rabc\r\n0\r\n\r\n",
            "a line feed in an extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
            "a NUL in an extension": b"3;a=\x00\r\nabc\r\n0\r\n\r\n",
            "a long extension": b"3;" + b"a" * 2000 + b"\r\nabc\r\n0\r\n\r\n",
            "many extensions": (b"1;" + b"a" * 900 + b"\r\n \r\n") * 100,
            "chunks of a byte": b"1\r\n \r\n" * 10_000,
            "a trailer that is none": b"0\r\nno colon\r\n\r\n",
            "a continued trailer": b"0\r\nX: 1\r\n 2\r\n\r\n",
            "a line feed in a trailer": b"0\r\nX: 1\n\r\n\r\n",
            "too many trailers": b"0\r\n" + b"X: 1\r\n" * 101 + b"\r\n",
            "a long trailer": b"0\r\nX: " + b"a" * 2000 + b"\r\n\r\n",
        }
    ),
    *_too_large(
        {
            "a long target": b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
            "a long target without end": b"GET /" + b"x" * 20_000,
            "a long line": GET + HOST + b"X: " + b"x" * 20_000 + b"\r\n\r\n",
            "a long line without end": GET + HOST + b"X: " + b"x" * 20_000,
            "many lines": GET + HOST + b"A: b\r\n" * 200 + b"\r\n",
            "too many bytes": GET + HOST + (b"X: " + b"x" * 15_000 + b"\r\n") * 5 + b"\r\n",
        }
    ),
    RawRequest(
        name="a length over the limit",
        data=POST + b"Content-Length: 999999999999\r\n\r\n" + SMUGGLED,
        statuses=(413,),
        code="request_too_large",
    ),
    RawRequest(
        name="a chunk over the limit",
        data=CHUNKED + b"1e8480\r\n" + b" " * 2_000_000,
        statuses=(413,),
        code="request_too_large",
    ),
    RawRequest(
        name="a good request, then a bad one",
        data=GET + HOST + b"\r\nnonsense\r\n\r\n" + SMUGGLED,
        statuses=(200, 400),
    ),
)
"""Each is answered with an error, and its connection closed: what would be a
second request behind it is never answered."""

ANSWERED = tuple(
    RawRequest(name=name, data=data, statuses=statuses, code=code)
    for name, data, statuses, code in (
        ("plain", GET + HOST + b"\r\n", (200,), None),
        ("without Host in HTTP/1.0", b"GET /ping HTTP/1.0\r\n\r\n", (200,), None),
        ("an empty line in front", b"\r\n" + GET + HOST + b"\r\n", (200,), None),
        ("an absolute target", b"GET http://x/ping HTTP/1.1\r\n" + HOST + b"\r\n", (200,), None),
        ("an asterisk", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", (404,), "unknown_url"),
        ("blanks around a value", GET + b"Host: \t test \t\r\n\r\n", (200,), None),
        ("Latin-1 in a value", GET + HOST + b"X: \xe9\r\n\r\n", (200,), None),
        ("a length in zeros", GET + HOST + b"Content-Length: 000\r\n\r\n", (200,), None),
        ("a hundred lines", GET + HOST + b"A: b\r\n" * 99 + b"\r\n", (200,), None),
        ("three at once", (GET + HOST + b"\r\n") * 3, (200,) * 3, None),
        ("a flood", (GET + HOST + b"\r\n") * 500, (200,) * 500, None),
        (
            "chunks with extensions and trailers",
            GET + HOST + b"Transfer-Encoding: Chunked\r\n\r\n"
            b'3;a=b;c="d"\r\nabc\r\n0;e\r\nX: y\r\n\r\n' + GET + HOST + b"\r\n",
            (200, 200),
            None,
        ),
    )
)
"""What is unusual, and right."""
