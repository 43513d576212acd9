"""What every family can do, and what its replies come down to."""

from dataclasses import dataclass
from typing import Protocol

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError

from piecesd.chat import ChatRequest

UNREADABLE = (DecodeError, UnicodeDecodeError)
"""What parsing bytes that are not the message raises: protobuf's C parser the
first for everything, its Python one the second for text that is not UTF-8."""


@dataclass(slots=True)
class Reply:
    """One reply message: its response code and the text it carries.

    Not frozen: one is made for every piece of every answer. ``has_body``
    tells an empty piece from a reply that is nothing but its code.
    """

    code: int
    text: str
    has_body: bool


class Family(Protocol):
    """One upstream service: where its methods are and what its messages say.

    ``predict_method`` and ``stream_method`` are full gRPC method paths; both
    take the same request and answer with the same kind of reply.
    """

    @property
    def name(self) -> str: ...
    @property
    def predict_method(self) -> str: ...
    @property
    def stream_method(self) -> str: ...

    def encode(self, model: str, request: ChatRequest) -> bytes:
        """The request message that asks ``model`` (the service's own id for
        it) to continue the conversation. Every conversation can be encoded."""

    def decode(self, raw: bytes) -> Reply:
        """Read one reply message.

        :raises UpstreamBroken: ``raw`` is not such a message.
        """


def method_path(service: ServiceDescriptor, method: str) -> str:
    """The path gRPC calls ``method`` by: ``/package.Service/Method``."""
    return f"/{service.full_name}/{service.methods_by_name[method].name}"
