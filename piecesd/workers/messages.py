"""What supervisor and workers say to each other: a line of JSON each.

A supervisor may be older than the workers it starts: messages may gain fields
with defaults, and never lose one.
"""

from typing import Any

import msgspec

Status = dict[str, Any]
"""What ``GET /`` says, of one process or of all."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag=str.lower):
    """The base of all."""


# To the supervisor.


class Ready(Message, frozen=True, kw_only=True):
    """The worker accepts connections."""


class Report(Message, frozen=True, kw_only=True):
    """How the worker is; sent every second, and when it is asked."""

    status: Status


class AskAll(Message, frozen=True, kw_only=True):
    """How are all workers? Answered by `All`."""


# To a worker.


class Tell(Message, frozen=True, kw_only=True):
    """How are you? Answered by `Report`."""


class Drain(Message, frozen=True, kw_only=True):
    """Take no more connections, let requests finish, and end."""


class Retire(Message, frozen=True, kw_only=True):
    """The same without any client noticing: another one serves in your place."""


class Hurry(Message, frozen=True, kw_only=True):
    """End, and let nothing finish."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A worker in the list of all."""

    worker: int
    pid: int
    uptime_seconds: float


class All(Message, frozen=True, kw_only=True):
    """How all workers are. ``others`` are those that serve beside the one that
    has asked, as far as they have answered in time, and one for the sum of
    those that have ended."""

    others: list[Status]
    members: list[Member]
    uptime_seconds: float


_ENCODER = msgspec.json.Encoder()
_REPORTS: msgspec.json.Decoder[Ready | Report | AskAll] = msgspec.json.Decoder(
    Ready | Report | AskAll
)
_ORDERS: msgspec.json.Decoder[Tell | Drain | Retire | Hurry | All] = msgspec.json.Decoder(
    Tell | Drain | Retire | Hurry | All
)


def encode(message: Message) -> bytes:
    """The line, with its end."""
    return _ENCODER.encode(message) + b"\n"


def decode_report(line: bytes) -> Ready | Report | AskAll:
    """:raises msgspec.MsgspecError: it is none."""
    return _REPORTS.decode(line)


def decode_order(line: bytes) -> Tell | Drain | Retire | Hurry | All:
    """:raises msgspec.MsgspecError: it is none."""
    return _ORDERS.decode(line)
