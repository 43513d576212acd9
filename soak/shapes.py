"""What clients ask for, at random: answers that prove themselves, and faults."""

import json
from dataclasses import dataclass
from random import Random
from typing import Literal

Conduct = Literal["read", "slow", "leave"]
"""Read the answer; read it slowly; leave at some time."""

MODELS = ("gpt-4o", "gpt-4", "gemini-1.5-pro", "claude-3-opus@20240229")

FAULTS = (
    "status=UNAVAILABLE",
    "status=INTERNAL",
    "status=RESOURCE_EXHAUSTED",
    "status=PERMISSION_DENIED",
    "code=500",
    "code=429",
    "code=439",
    "garbage",
    "reset",
    "stall",
)
"""Not ``unmarked``: that makes a part of an answer a whole one, by the rules."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """A chat request. ``pieces`` and ``size`` are of the answer that is asked
    for, ``fault`` is what is to happen to it; empty for nothing."""

    request_id: str
    model: str
    streamed: bool
    choices: int
    conduct: Conduct
    pieces: int
    size: int
    pause_milliseconds: int = 0
    fault: str = ""

    @property
    def question(self) -> str:
        """The message; the answer depends on it, and no two are the same."""
        words = f"pieces={self.pieces} size={self.size} pause={self.pause_milliseconds}"
        return f"[[fault: checked {words} {self.fault}]] {self.request_id}"

    def encode(self) -> bytes:
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": self.question}],
            "stream": self.streamed,
            "n": self.choices,
        }
        return encode_request(
            "POST", "/v1/chat/completions", json.dumps(body).encode(), self.request_id
        )


def encode_request(method: str, path: str, body: bytes, request_id: str) -> bytes:
    """A request on a connection of its own."""
    return (
        f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        f"content-type: application/json\r\nx-request-id: {request_id}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode() + body


def random_shape(random: Random, request_id: str) -> Shape:
    """The usual mix."""
    conduct: Conduct = random.choices(("read", "slow", "leave"), (70, 10, 20))[0]
    pieces, size = random.randint(1, 40), random.choice((1, 20, 400, 3000))
    if conduct == "slow":
        pieces, size = 100, 3000
    fault = ""
    if random.random() < 0.35:
        place = random.choice((f"after={random.randint(0, pieces)}", "after=0", "late"))
        attempts = random.choice(("", "attempts=1", "attempts=2"))
        fault = f"{place} {attempts} {random.choice(FAULTS)}"
    return Shape(
        request_id=request_id,
        model=random.choice(MODELS),
        streamed=random.random() < 0.7,
        choices=random.choice((1, 1, 1, 1, 3)),
        conduct=conduct,
        pieces=pieces,
        size=size,
        pause_milliseconds=random.choice((0, 0, 0, 5, 30)),
        fault=fault,
    )
