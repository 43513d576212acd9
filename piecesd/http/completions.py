"""Answers requests for completions, in whatever dialect they come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from twisted.internet.interfaces import IReactorTime

from piecesd.chat import ChatRequest
from piecesd.dialects.dialect import Acknowledgement, AnswerHead, Call, Dialect
from piecesd.errors import ModelNotFound
from piecesd.http.admission import Admission
from piecesd.http.bodies import ReadingTurns
from piecesd.http.json_request import JSON_HEADERS, require_json
from piecesd.http.request import ApiRequest
from piecesd.http.running import Cut
from piecesd.http.settings import HttpSettings
from piecesd.http.stream_writer import StreamWriter

if TYPE_CHECKING:
    from piecesd.completion.service import AnyCompletion, Completions


T = TypeVar("T")
Result = TypeVar("Result", covariant=True)

BeforeWhole = Callable[[AnswerHead, bytes], Awaitable[None]]
"""Takes a whole answer, and its head."""


class Parse(Protocol[Result]):
    """Reads a body; see `Dialect.parse`."""

    def __call__(self, body: bytes, *, ignore_unsupported: bool) -> Result: ...


class CompletionSender:
    """Has calls completed and their answers sent, whole or streamed."""

    def __init__(
        self,
        *,
        completions: Completions,
        admission: Admission,
        settings: HttpSettings,
        clock: IReactorTime,
    ) -> None:
        self.completions = completions
        self.admission = admission
        self.settings = settings
        self._reading_turns = ReadingTurns(clock)
        self._clock = clock

    async def body_of(
        self, request: ApiRequest, check_type: Callable[[ApiRequest], None] = require_json
    ) -> bytes:
        """The JSON that ``request`` brings, once it is its turn to be read.

        :param check_type: raises UnsupportedMediaType where it can't be JSON.
        """
        check_type(request)
        body = request.body()
        await self._reading_turns.next_for(len(body))
        return body

    async def read(
        self,
        request: ApiRequest,
        parse: Parse[T],
        *,
        completion: bool,
        check_type: Callable[[ApiRequest], None] = require_json,
    ) -> T:
        """What ``request``, which has a place, asks for; it is admitted first.

        :param completion: whether it counts as one against the rate limits.
        :raises ApiError: it is not admitted, or its body is no such request.
        """
        await self.admission.admit(request, completion=completion)
        body = await self.body_of(request, check_type)
        return parse(body, ignore_unsupported=self.settings.ignore_unsupported_params)

    async def send(
        self,
        request: ApiRequest,
        call: Call,
        *,
        path_model: str = "",
        before_whole: BeforeWhole | None = None,
    ) -> None:
        """Answer ``request``, which is admitted, with the completion of ``call``.

        :param path_model: holds where the body names no model or an unknown one.
        :param before_whole: called with a whole answer, and waited for, before
            that is sent.
        """
        completion = self.begin(request, call.request, path_model)
        request.figures = completion.figures
        answer, cut = self._answer(request, call, completion, before_whole)
        with self.under_way(completion, cut):
            await answer

    def begin(
        self, request: ApiRequest, chat_request: ChatRequest, path_model: str
    ) -> AnyCompletion:
        """Begin the completion of what ``request`` asks for; no call is made yet."""
        return self.completions.begin(
            self._with_path_model(chat_request, path_model), request_id=request.request_id
        )

    @contextmanager
    def under_way(self, completion: AnyCompletion, cut: Cut) -> Iterator[None]:
        """Have ``cut`` called when the daemon is to end all answers; in the end,
        whatever is left of ``completion`` is cancelled."""
        running = self.admission.running
        running.add_cut(cut)
        try:
            yield
        finally:
            running.remove_cut(cut)
            completion.cancel()

    def _with_path_model(self, request: ChatRequest, path_model: str) -> ChatRequest:
        if path_model:
            try:
                self.completions.find(request.model)
            except ModelNotFound:
                return replace(request, model=path_model)
        return request

    def _answer(
        self,
        request: ApiRequest,
        call: Call,
        completion: AnyCompletion,
        before_whole: BeforeWhole | None,
    ) -> tuple[Coroutine[Any, Any, None], Cut]:
        """The sending of the answer, and what ends it early."""
        head = self._head(request, completion.model_name)
        if not call.stream:
            whole = _send_whole(request, call, completion, head, before_whole)
            return whole, completion.cancel
        writer = StreamWriter(
            request,
            completion,
            call.stream_renderer(head),
            keep_alive_seconds=self.settings.sse_keepalive_seconds,
        )
        return writer.run(), writer.cut

    def acknowledge(self, request: ApiRequest, acknowledgement: Acknowledgement) -> None:
        """Answer ``request``, which is admitted, if the model is served.

        :raises ApiError: it is not.
        """
        name, _ = self.completions.choose(acknowledgement.model)
        request.send(200, JSON_HEADERS, acknowledgement.render(self._head(request, name)))

    def _head(self, request: ApiRequest, model_name: str) -> AnswerHead:
        seconds = self._clock.seconds
        began = seconds()
        return AnswerHead(
            token=token_hex(14),
            created_unix=int(began),
            model=model_name,
            request_id=request.request_id,
            elapsed_seconds=lambda: seconds() - began,
        )


class CompletionEndpoint:
    """One dialect's way in.

    :param check_type: see `CompletionSender.body_of`.
    """

    def __init__(
        self,
        dialect: Dialect,
        sender: CompletionSender,
        check_type: Callable[[ApiRequest], None] = require_json,
    ) -> None:
        self._dialect = dialect
        self._sender = sender
        self._check_type = check_type

    async def complete(self, request: ApiRequest, path_model: str = "") -> None:
        """Answer ``request`` in the dialect, with an error too."""
        request.render_error = self._dialect.render_error
        sender = self._sender
        with sender.admission.place(request):
            call = await sender.read(
                request, self._dialect.parse, completion=True, check_type=self._check_type
            )
            if isinstance(call, Acknowledgement):
                sender.acknowledge(request, call)
            else:
                await sender.send(request, call, path_model=path_model)


async def _send_whole(
    request: ApiRequest,
    call: Call,
    completion: AnyCompletion,
    head: AnswerHead,
    before_whole: BeforeWhole | None,
) -> None:
    body = call.render_answer(await completion.answer(), head)
    if before_whole is not None:
        await before_whole(head, body)
    request.send(200, JSON_HEADERS, body)
