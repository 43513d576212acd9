"""What a dialect is to those who serve it.

A dialect is a module, or a package's ``__init__``, with the two functions of
`Dialect`. All of it is pure: bytes and values in, bytes and values out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from piecesd.chat import Answer, ChatEvent, ChatRequest
from piecesd.errors import ApiError, Language


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerHead:
    """What an answer is called, whole or streamed.

    ``token`` is 28 random hexadecimal digits, for dialects to make ids of;
    ``created_unix`` is when the request was taken up, and ``elapsed_seconds``
    tells how long ago that was; ``model`` is the name that the client used;
    ``request_id`` is what the request is known by.
    """

    token: str
    created_unix: int
    model: str
    request_id: str = ""
    elapsed_seconds: Callable[[], float] = field(default=lambda: 0.0, compare=False)


class StreamRenderer(Protocol):
    """Renders one streamed answer: `opening` once, `events` for each batch,
    then `done` or `error`. `keep_alive` may come anywhere after the opening.

    ``content_type``: of the response. ``wants_input_tokens``: the opening tells
    how many tokens the input has, so that they have to be counted before.
    """

    @property
    def content_type(self) -> str: ...
    @property
    def wants_input_tokens(self) -> bool: ...

    def opening(self, input_tokens: int | None) -> bytes:
        """What comes first; sent with the first batch, or before it where that
        is long in coming. ``input_tokens`` is None unless it is wanted."""

    def events(self, batch: Sequence[ChatEvent]) -> bytes:
        """What came of the answer since the last batch.

        :raises ApiError: the dialect has no other way to tell of it.
        """

    def keep_alive(self) -> bytes:
        """What shows that there is still somebody here, and says nothing."""

    def done(self) -> bytes:
        """The end of a whole answer."""

    def error(self, error: ApiError, language: Language = "en") -> bytes:
        """The end of an answer that failed after its first byte was sent."""


class Call(Protocol):
    """A request, and how its answer is to be sent."""

    @property
    def request(self) -> ChatRequest: ...
    @property
    def stream(self) -> bool: ...

    def render_answer(self, answer: Answer, head: AnswerHead) -> bytes:
        """The body of a whole answer; JSON.

        :raises ApiError: the dialect has no other way to tell of it.
        """

    def stream_renderer(self, head: AnswerHead) -> StreamRenderer: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """The answer to a request that only asks for ``model``, and for no words of
    it. ``render`` makes the body; JSON."""

    model: str
    render: Callable[[AnswerHead], bytes]


class ErrorRenderer(Protocol):
    def __call__(
        self, error: ApiError, language: Language = "en", request_id: str = "", /
    ) -> bytes:
        """The JSON body that tells a client of ``error``, and in some dialects
        what the request is known by."""


class Dialect(Protocol):
    @property
    def render_error(self) -> ErrorRenderer: ...

    def parse(self, body: bytes, *, ignore_unsupported: bool) -> Call | Acknowledgement:
        """Read the body of a request.

        :param ignore_unsupported: let parameters that can't be honoured go
            without effect. Content that isn't text is refused all the same.
        :raises InvalidRequest: the body is not JSON or not such a request, or
            asks for what can't be honoured; ``param`` is the path of the field.
        """
