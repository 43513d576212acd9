"""Requests that are made to keep a daemon busy, each as large as it may be.

Each is whole, so that an answer comes; some of the bodies are no good.
"""

from collections.abc import Iterator
from dataclasses import dataclass

BODY_BYTES = 10 * 1024 * 1024 - 1024

_LONG_LIST = b"[" + b"1," * (BODY_BYTES // 2 - 100) + b"1]"
_CLAUDE = b"claude-3-opus@20240229"


@dataclass(frozen=True, kw_only=True, slots=True)
class HostileRequest:
    name: str
    data: bytes


def structures() -> Iterator[HostileRequest]:
    """JSON with more in it than anybody needs. Like the others, they are made one
    by one, since they are large."""
    for name, body in _structures():
        yield HostileRequest(name=name, data=_sized(body))


def texts() -> Iterator[HostileRequest]:
    """Messages that are hard to read, or to count."""
    for name, body in _texts():
        yield HostileRequest(name=name, data=_sized(body))


def framings() -> Iterator[HostileRequest]:
    """Requests that are hard to find the end of."""
    small_chunk = b"5\r\n     \r\n"
    yield HostileRequest(
        name="chunks of five bytes",
        data=_head(b"connection: close", b"transfer-encoding: chunked")
        + small_chunk * 200_000
        + b"0\r\n\r\n",
    )
    yield HostileRequest(
        name="bodies one behind the other",
        data=_sized(b"[]", b"connection: keep-alive") * 2000 + _sized(b"[]"),
    )
    many_headers = b"\r\n".join(b"x-%d: %d" % (number, number) for number in range(96))
    yield HostileRequest(
        name="a hundred headers each",
        data=_sized(b"[]", b"connection: keep-alive\r\n" + many_headers) * 500 + _sized(b"[]"),
    )


def _head(*lines: bytes) -> bytes:
    return b"\r\n".join([b"POST /v1/chat/completions HTTP/1.1", b"host: h", *lines, b"", b""])


def _sized(body: bytes, *lines: bytes) -> bytes:
    lines = lines or (b"connection: close",)
    return _head(b"content-length: %d" % len(body), *lines) + body


def _structures() -> Iterator[tuple[str, bytes]]:
    keys = b",".join(b'"%x":1' % number for number in range(850_000))
    for field in (b"metadata", b"logit_bias", b"response_format", b"tool_choice", b"unknown"):
        yield f"many keys in {field.decode()}", _with_field(field, b"{" + keys + b"}")
    yield "many unknown fields", _with_field(b"unknown", b"1," + keys)
    yield "as many keys as there may be", _with_field(b"logit_bias", b"{" + keys[:1_000_000] + b"}")
    for field in (b"tools", b"functions", b"unknown"):
        yield f"a long list of {field.decode()}", _with_field(field, _LONG_LIST)
    yield "many stops", _with_field(b"stop", b"[" + _filled(b'"",') + b'""]')
    yield "one field again and again", _with_field(b"stop", b'"a"' + _filled(b',"stop":"a"'))
    yield "a huge integer", _with_field(b"n", b"9" * BODY_BYTES)
    yield "a huge fraction", _with_field(b"temperature", b"0." + b"1" * BODY_BYTES)
    yield "deep lists", _with_field(b"unknown", b"[" * BODY_BYTES)
    yield "deep objects", _with_field(b"metadata", _filled(b'{"a":'))
    yield "blanks between tokens", _with_field(b"user", b" " * BODY_BYTES + b"1")
    yield "a huge name of a field", _with_field(b"a" * BODY_BYTES, b"1")
    yield "tiny messages", b'{"messages":[' + _filled(b'{"role":""},') + b'{"role":""}]}'
    yield "tiny parts", _with_content(b"[" + _filled(b'{"type":""},') + b'{"type":""}]')
    yield "many tool calls", _with_content(b'"a","tool_calls":' + _LONG_LIST)
    yield "a huge name of a speaker", _with_content(b'"a","name":"' + b"a" * BODY_BYTES + b'"')


def _texts() -> Iterator[tuple[str, bytes]]:
    for name, model, unit in (
        ("escapes", b"gpt-4o", rb"\n"),
        ("escaped pairs", _CLAUDE, rb"\ud83d\ude00"),
        ("letters", b"gpt-4o", b"a"),
        ("ligatures", _CLAUDE, "\ufdfa".encode()),
        ("several scripts", _CLAUDE, "aé中😀 ".encode()),
    ):
        yield name, _with_content(b'"' + _filled(unit) + b'"', model)
    yield "halves of pairs", _with_content(b'"' + rb"\ud83d" * 80_000 + b'"')
    yield "backslashes and half a pair", _with_content(b'"' + rb"\\" * 250_000 + rb'\ud83d"')
    for text in (b"", "\u0e33".encode() * 300, "\u0301".encode() * 450):
        message = b'{"role":"user","content":"%b"},' % text
        messages = message * min(9_900, BODY_BYTES // len(message))
        body = b'{"model":"%b","messages":[%b]}' % (_CLAUDE, messages[:-1])
        yield f"many messages of {len(text)} bytes", body


def _filled(unit: bytes) -> bytes:
    return unit * (BODY_BYTES // len(unit) - 100)


def _with_field(name: bytes, value: bytes) -> bytes:
    return (
        b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"%b":%b}' % (name, value)
    )[: BODY_BYTES + 900]


def _with_content(content: bytes, model: bytes = b"gpt-4o") -> bytes:
    return b'{"model":"%b","messages":[{"role":"user","content":%b}]}' % (model, content)
