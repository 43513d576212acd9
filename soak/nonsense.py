"""Bad input: what the tests have as a table, what is wrong in a known way, and good
requests with some of their bytes changed."""

from dataclasses import dataclass
from random import Random

from soak.shapes import encode_request
from tests.http.raw_requests import REFUSED

CORPUS = tuple(case for case in REFUSED if len(case.statuses) == 1)
"""Those of which nothing is answered but by their error."""

SMUGGLED = "/v1/smuggled"
"""What stands behind many of them; a log that has it tells of a request that was none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Nonsense:
    """``status`` is what it has to get; None where it may get any that is no 500."""

    data: bytes
    status: int | None = None


def random_nonsense(random: Random, request_id: str) -> Nonsense:
    """One third from the table, one third known, one third changed."""
    kind = random.randrange(3)
    if kind == 0:
        case = random.choice(CORPUS)
        return Nonsense(data=case.data, status=case.statuses[0])
    good = _chat(
        b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}', request_id
    )
    if kind == 1:
        return Nonsense(data=random.choice(_wrong(random, request_id, good)))
    raw = random.choice(CORPUS).data.replace(SMUGGLED.encode(), b"/v1/changed")
    changed = bytearray(random.choice((good, good, raw)))
    for _ in range(random.randint(1, 8)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return Nonsense(data=bytes(changed))


def _wrong(random: Random, request_id: str, good: bytes) -> tuple[bytes, ...]:
    return (
        _chat(b'{"model": "gpt-4o"', request_id),
        _chat(b"[" * 10_000, request_id),
        _chat(b'{"model": "no-such-model", "messages": []}', request_id),
        _chat(b'{"model": "gpt-4o", "messages": []}', request_id),
        _chat(b'{"messages": [{"role": "user", "content": 1}], "n": -1}', request_id),
        encode_request("DELETE", "/v1/models", b"", request_id),
        encode_request("GET", "/../../etc/passwd", b"", request_id),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.randbytes(200),
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 2_000 + b"\r\n",
        good.replace(b"content-length: ", b"content-length: -"),
        good.replace(b"HTTP/1.1", b"HTTP/9.9"),
    )


def _chat(body: bytes, request_id: str) -> bytes:
    return encode_request("POST", "/v1/chat/completions", body, request_id)
