"""What becomes of one reply of a model that was told of tools or of a format.

Text and calls come out while it arrives. At its end it is known whether it keeps
to what the model was told. If it does not, it has a ``fault``, and the model may
be asked once more: `Reply.correct` takes what it says then, `Reply.give_up`
takes the first reply for the text that it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from piecesd.chat import (
    ChatEvent,
    ChatRequest,
    Delta,
    Finished,
    FinishReason,
    Message,
    Refused,
    ToolCallBegun,
    ToolCallDelta,
    ToolChoice,
)
from piecesd.emulation import formats, tools
from piecesd.emulation.calls import Call, CallReader, Part
from piecesd.emulation.schemas import Schema

_CORRECT_BLOCK = (
    "That can't be used: {fault}. Write again what begins with " + tools.OPENING + ", and nothing "
    "else."
)
_CORRECT_SILENCE = "You must call a function. Write the block of the call, and nothing else."
_CORRECT_JSON = "That can't be used: {fault}. Reply again with the JSON, and nothing else."


def is_needed(request: ChatRequest) -> bool:
    """Whether ``request`` has what the services know nothing of."""
    return bool(
        tools.callable_tools(request)
        or request.answer_format is not None
        or tools.speaks_of_tools(request.messages)
    )


def told(request: ChatRequest) -> ChatRequest:
    """``request`` in the words that the services know."""
    messages = tools.told(request)
    if request.answer_format is not None:
        messages = formats.told(messages, request.answer_format)
    stop = request.stop
    if tools.callable_tools(request):
        stop = (*stop, tools.RESULT_OPENING)
    return replace(
        request,
        messages=messages,
        stop=stop,
        tools=(),
        tool_choice=ToolChoice(),
        answer_format=None,
    )


class Reply:
    """One choice of an answer.

    ``fault`` says in English what is wrong with it once it is finished; empty
    for nothing.

    :param new_id: makes ids for calls.
    :param schema: of the answer's format.
    :param strict: the schemas that arguments have to keep, by tool.
    """

    def __init__(
        self,
        choice: int,
        request: ChatRequest,
        *,
        new_id: Callable[[], str],
        schema: Schema | None = None,
        strict: Mapping[str, Schema],
    ) -> None:
        self.fault = ""
        self._choice = choice
        self._request = request
        self._new_id = new_id
        self._schema = schema
        self._strict = strict
        self._pieces: list[str] = []
        self._text: list[str] = []
        self._unchecked: list[Call] = []
        self._calls = 0
        self._reader = self._new_reader()

    def feed(self, piece: str) -> list[ChatEvent]:
        """What comes out now that ``piece`` has arrived."""
        self._pieces.append(piece)
        return self._events(self._reader.feed(piece))

    def finish(self, reason: FinishReason, stop_sequence: str | None) -> list[ChatEvent]:
        """What comes out at the end, the Finished included unless there is a
        fault. May take as long as a check of a schema does."""
        events = self._events(self._reader.finish())
        if reason == "length":
            return [*events, *self._as_text(), Finished(self._choice, reason)]
        self.fault = self._reader.fault or self._find_fault()
        if self.fault:
            return events
        if self._unchecked:
            events += self._held_text()
        events += [event for call in self._unchecked for event in self._call_events(call)]
        if self._is_formatted:
            events.append(Delta(self._choice, self._json("".join(self._text))))
        if stop_sequence == tools.RESULT_OPENING:
            stop_sequence = None
        return [*events, self._finished(stop_sequence)]

    def correction(self) -> tuple[Message, Message]:
        """What asks the model once more: its reply, and what is wrong with it."""
        if self._is_formatted:
            text = _CORRECT_JSON
        elif self._reader.fault or self._unchecked:
            text = _CORRECT_BLOCK
        else:
            text = _CORRECT_SILENCE
        reply = Message(role="assistant", text="".join(self._pieces))
        return reply, Message(role="user", text=text.format(fault=self.fault))

    def correct(self, reply: str) -> list[ChatEvent]:
        """All that comes out at the end after all, now that the model has replied
        once more. May take as long as `finish`."""
        if self._is_formatted:
            try:
                text = self._json(reply)
            except formats.NotJson as error:
                self.fault = str(error)
                return self.give_up()
            return [Delta(self._choice, text), self._finished(None)]
        reader = self._new_reader()
        calls = [part for part in reader.feed(reply) if isinstance(part, Call)]
        reader.finish()
        if reader.fault or not calls or any(map(self._fault_of, calls)):
            return self.give_up()
        events = [event for call in calls for event in self._call_events(call)]
        return [*events, self._finished(None)]

    def give_up(self) -> list[ChatEvent]:
        """All that comes out at the end of a reply that nothing better came of."""
        if self._is_formatted:
            refusal = f"The model gave no answer of the format asked for: {self.fault}."
            return [Refused(self._choice, refusal), self._finished(None)]
        return [*self._as_text(), self._finished(None)]

    @property
    def _is_formatted(self) -> bool:
        """Whether its text has to be JSON: a reply that calls tools is none yet."""
        return self._request.answer_format is not None and not (
            self._calls or self._unchecked or self._reader.fault
        )

    def _new_reader(self) -> CallReader:
        names = [tool.name for tool in tools.callable_tools(self._request)]
        most = float("inf") if self._request.parallel_tool_calls else 1
        return CallReader(names, most_calls=most)

    def _events(self, parts: list[Part]) -> list[ChatEvent]:
        events: list[ChatEvent] = []
        for part in parts:
            if isinstance(part, str):
                if self._request.answer_format is None:
                    events.append(Delta(self._choice, part))
                else:
                    self._text.append(part)
            elif self._strict:
                self._unchecked.append(part)
            else:
                events += self._held_text()
                events += self._call_events(part)
        return events

    def _held_text(self) -> list[ChatEvent]:
        """The text that was to be JSON, once it is known to be something else."""
        text = "".join(self._text)
        self._text.clear()
        return [Delta(self._choice, text)] if text else []

    def _call_events(self, call: Call) -> list[ChatEvent]:
        index = self._calls
        self._calls += 1
        return [
            ToolCallBegun(self._choice, index, self._new_id(), call.name),
            ToolCallDelta(self._choice, index, call.arguments),
        ]

    def _find_fault(self) -> str:
        """What is wrong with a reply whose blocks can be read."""
        if self._is_formatted:
            try:
                self._json("".join(self._text))
            except formats.NotJson as error:
                return str(error)
        if not self._reader.calls and self._request.tool_choice.mode == "required":
            return "no function was called"
        return next(filter(None, map(self._fault_of, self._unchecked)), "")

    def _fault_of(self, call: Call) -> str:
        schema = self._strict.get(call.name)
        fault = "" if schema is None else schema.fault(call.arguments)
        return fault and f"the arguments of {call.name} don't fit their schema {fault}"

    def _json(self, reply: str) -> str:
        """:raises NotJson: there is none in ``reply`` that fits the format."""
        text = formats.read_json(reply, any_value=self._schema is not None)
        fault = "" if self._schema is None else self._schema.fault(text)
        if fault:
            raise formats.NotJson(fault)
        return text

    def _as_text(self) -> list[ChatEvent]:
        """All that has not come out, as the model wrote it."""
        blocks = [tools.block(call.name, call.arguments) for call in self._unchecked]
        held = "".join([*self._text, *blocks, self._reader.rest])
        return [Delta(self._choice, held)] if held else []

    def _finished(self, stop_sequence: str | None) -> Finished:
        if self._calls:
            return Finished(self._choice, "tool_calls")
        return Finished(self._choice, "stop", stop_sequence)
