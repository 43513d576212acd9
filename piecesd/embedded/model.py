"""What answers behind the embedded upstream's services, and how it can fail.

Models live in the gRPC server's thread, on its asyncio loop, not in the
reactor's.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import grpc

from piecesd.chat import ChatRequest


@dataclass(slots=True)
class Piece:
    """The next text of an answer; ``is_last`` ends it. Not frozen, for speed.

    ``afterwards`` is awaited once a last piece has been sent, and may raise a
    Failure: how a call goes wrong behind its answer.
    """

    text: str
    is_last: bool
    afterwards: Callable[[], Awaitable[None]] | None = None


class AnswerStream(Protocol):
    """One answer on its way. Whoever holds it closes it, however it ended."""

    async def next_piece(self) -> Piece:
        """Wait for the next piece. Not called again after the last one.

        :raises Failure: the answer failed; nothing follows.
        """

    def close(self) -> None:
        """Let go of everything at once. Idempotent, never raises."""


class Model(Protocol):
    """Something that continues conversations. ``name`` is for people."""

    @property
    def name(self) -> str: ...
    def open(self, request: ChatRequest, *, paced: bool) -> AnswerStream:
        """Begin to answer. Called on the server's loop.

        :param paced: someone may be watching the pieces arrive; without it
            only the whole matters.
        """


class Failure(Exception):
    """An answer did not come to its end."""


class AnswerFailed(Failure):
    """The service says so itself, by a response code that is not a good one."""

    def __init__(self, code: int) -> None:
        super().__init__(f"response code {code}")
        self.code = code


class CallFailed(Failure):
    """The gRPC call fails with ``status``."""

    def __init__(self, status: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self.status = status
        self.details = details
