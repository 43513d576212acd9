"""A completion with tools or a format, by services that know neither."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from secrets import token_hex
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, FirstError, gatherResults
from twisted.logger import Logger

from piecesd.chat import (
    Answer,
    ChatEvent,
    ChatRequest,
    Choice,
    Delta,
    Finished,
    Refused,
    ToolCall,
    ToolCallBegun,
    ToolCallDelta,
    Usage,
)
from piecesd.completion.completion import Completion
from piecesd.completion.counting import RunInThread
from piecesd.emulation.reply import Reply, told
from piecesd.emulation.schemas import Schema, UnusableSchema
from piecesd.emulation.tools import callable_tools
from piecesd.errors import ApiError, InvalidValue, Phrase

T = TypeVar("T")


def _new_call_id() -> str:
    return f"call_{token_hex(12)}"


class EmulatedCompletion:
    """A `Completion` of what the services are told, and of its replies.

    A reply that breaks the rules is followed by one more call, which asks for
    it again; where that brings nothing better, it is given as the text it is.

    :param begin: begins a completion that the services can do.
    :param run_in_thread: runs on another thread what may take its time.
    """

    _log = Logger()

    def __init__(
        self,
        request: ChatRequest,
        *,
        begin: Callable[[ChatRequest], Completion],
        run_in_thread: RunInThread,
        new_id: Callable[[], str] = _new_call_id,
    ) -> None:
        self._request = request
        self._told = told(request)
        self._begin = begin
        self._run_in_thread = run_in_thread
        self._new_id = new_id
        self._first = begin(self._told)
        self._corrections: list[Completion] = []
        self._replies: list[Reply] = []
        self._held: Deferred[Any] | None = None
        self._is_whole = False
        self._is_over = False
        self._cancelled = False
        self._reason: ApiError | None = None
        self.model_name = self._first.model_name
        self.figures = self._first.figures

    async def input_tokens(self) -> int:
        """How many tokens the input has, with what the model is told beside it."""
        return await self._first.input_tokens()

    async def answer(self) -> Answer:
        """See `Completion.answer`.

        :raises InvalidValue: a schema can't be used.
        """
        await self._read_schemas()
        answer = await self._first.answer()

        def read() -> list[list[ChatEvent]]:
            return [
                [*reply.feed(choice.text), *reply.finish(choice.reason, choice.stop_sequence)]
                for reply, choice in zip(self._replies, answer.choices, strict=True)
            ]

        events = await self._hold(self._run_in_thread(read))
        whole = [
            _choice([*first, *last])
            for first, last in zip(events, await self._correct(), strict=True)
        ]
        return Answer(choices=tuple(whole), usage=self._total())

    async def next_events(self) -> Sequence[ChatEvent]:
        """See `Completion.next_events`.

        :raises InvalidValue: a schema can't be used.
        """
        if not self._replies:
            await self._read_schemas()
        while not self._is_over:
            if self._is_whole:
                return await self._last_events()
            events: list[ChatEvent] = []
            for event in await self._first.next_events():
                events += await self._translate(event)
            if self._needs_nothing_more():
                return [*events, *await self._last_events()]
            if events:
                return events
        return ()

    def _needs_nothing_more(self) -> bool:
        """Whether all replies have come, and none has to be corrected."""
        return self._is_whole and not any(reply.fault for reply in self._replies)

    async def _translate(self, event: ChatEvent) -> list[ChatEvent]:
        match event:
            case Delta(choice, text):
                return self._replies[choice].feed(text)
            case Finished(choice, reason, stop_sequence):
                finish = partial(self._replies[choice].finish, reason, stop_sequence)
                return await self._hold(self._run_in_thread(finish))
            case Usage():
                self._is_whole = True
        return []

    async def _last_events(self) -> list[ChatEvent]:
        """What comes of the replies with faults, and the usage of all calls."""
        events = [event for more in await self._correct() for event in more]
        self._is_over = True
        return [*events, self._total()]

    def cancel(self, reason: ApiError | None = None) -> None:
        """See `Completion.cancel`."""
        if self._cancelled:
            return
        self._cancelled = True
        self._reason = reason
        for completion in (self._first, *self._corrections):
            completion.cancel(reason)
        if self._held is not None:
            self._held.cancel()

    async def _read_schemas(self) -> None:
        """Make what reads the replies."""
        answer_format, tools = self._request.answer_format, callable_tools(self._request)

        def read() -> tuple[Schema | None, dict[str, Schema]]:
            schema = None
            if answer_format is not None and answer_format.schema is not None:
                schema = _schema(answer_format.schema, answer_format.param)
            return schema, {
                tool.name: _schema(tool.parameters, tool.param)
                for tool in tools
                if tool.strict and tool.parameters
            }

        schema, strict = await self._hold(self._run_in_thread(read))
        self._replies = [
            Reply(index, self._request, new_id=self._new_id, schema=schema, strict=strict)
            for index in range(self._request.choices)
        ]

    async def _correct(self) -> list[list[ChatEvent]]:
        """The last events of each reply that has a fault; none for the others."""
        corrections = [Deferred.fromCoroutine(self._correct_one(reply)) for reply in self._replies]
        try:
            return await self._hold(gatherResults(corrections, consumeErrors=True))
        except FirstError as error:
            error.subFailure.raiseException()

    async def _correct_one(self, reply: Reply) -> list[ChatEvent]:
        if not reply.fault:
            return []
        self._log.info("A reply is asked for again: {fault}", fault=reply.fault)
        messages = (*self._told.messages, *reply.correction())
        completion = self._begin(replace(self._told, messages=messages, choices=1))
        self._corrections.append(completion)
        try:
            answer = await completion.answer()
        except ApiError as error:
            if self._cancelled:
                raise
            self._log.warn("It could not be: {error}", error=str(error))
            return reply.give_up()
        return await self._run_in_thread(partial(reply.correct, answer.choices[0].text))

    def _total(self) -> Usage:
        """What all calls came to; into the figures, too."""
        for completion in self._corrections:
            self.figures.add(completion.figures)
        assert self.figures.usage is not None
        return self.figures.usage

    async def _hold(self, deferred: Deferred[T]) -> T:
        """Wait for something that `cancel` is to cancel."""
        self._held = deferred
        try:
            if self._cancelled:
                deferred.cancel()
            return await deferred
        except CancelledError:
            self.cancel()
            if self._reason is not None:
                raise self._reason from None
            raise
        finally:
            self._held = None


def _schema(text: str, param: str) -> Schema:
    """:raises InvalidValue: it can't be used; ``param`` is where it stands."""
    try:
        return Schema(text)
    except UnusableSchema as error:
        detail = f"it can't be used as a JSON schema: {error}."
        raise InvalidValue(
            param=param, detail=Phrase(detail, f"无法用作 JSON 模式：{error}。")
        ) from None


def _choice(events: Sequence[ChatEvent]) -> Choice:
    """The whole choice that its events make up."""
    calls: dict[int, ToolCall] = {}
    texts: list[str] = []
    refusal: str | None = None
    end = events[-1]
    assert isinstance(end, Finished)
    for event in events:
        match event:
            case Delta(_, text):
                texts.append(text)
            case ToolCallBegun(_, index, call_id, name):
                calls[index] = ToolCall(id=call_id, name=name, arguments="")
            case ToolCallDelta(_, index, arguments):
                call = calls[index]
                calls[index] = replace(call, arguments=call.arguments + arguments)
            case Refused(_, text):
                refusal = text
    return Choice(
        text="".join(texts),
        reason=end.reason,
        stop_sequence=end.stop_sequence,
        tool_calls=tuple(calls.values()),
        refusal=refusal,
    )
