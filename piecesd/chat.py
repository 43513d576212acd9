"""The core's values: what is asked of a model, and what comes back.

Dialects translate client JSON into these values and back; families translate
them into each upstream's messages. Nothing here knows HTTP, JSON or gRPC.
"""

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]

FinishReason = Literal["stop", "length", "tool_calls"]
"""Why an answer ended, in the OpenAI API's words: ``stop`` when the model
ended it or a stop sequence was met, ``length`` when the token limit cut it,
``tool_calls`` when tools are to be called before it can go on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """A tool that the model wants to be called. ``id`` is what its result will
    refer to, ``arguments`` the text of a JSON object."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message of a conversation; ``text`` is plain text.

    ``tool_calls`` are those that an assistant asked for; ``tool_call_id`` says
    whose result the text of a tool's message is.
    """

    role: Role
    text: str
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A function that the model may ask to be called. ``parameters`` is the
    text of a JSON schema for its arguments, empty for none; with ``strict`` they
    have to keep it. ``param`` is the path of the schema in the request, for errors."""

    name: str
    description: str = ""
    parameters: str = ""
    strict: bool = False
    param: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolChoice:
    """Whether tools may, must not or must be called; with ``name``, which one
    must be."""

    mode: Literal["auto", "none", "required"] = "auto"
    name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerFormat:
    """The answer is to be one JSON value: an object, or with ``schema``, the
    text of a JSON schema, whatever that allows. ``name`` and ``description``
    tell the model what it is for; ``param`` is the path of the schema in the
    request, for errors."""

    schema: str | None = None
    name: str = ""
    description: str = ""
    param: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatRequest:
    """A conversation to be continued, free of any client's dialect.

    ``model`` is the name the client used, or ``""`` when it used none.
    ``None`` leaves a choice to the upstream. ``choices`` is how many
    independent answers are wanted (the OpenAI API's ``n``).
    ``messages_param`` is the field of the request that they came from, for errors.
    ``further_conversations`` are to be continued in the same way, each with as
    many choices, which are numbered on.
    """

    model: str
    messages: tuple[Message, ...]
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    choices: int = 1
    further_conversations: tuple[tuple[Message, ...], ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    parallel_tool_calls: bool = True
    answer_format: AnswerFormat | None = None
    messages_param: str = field(default="messages", compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Token counts of a request; ``output_tokens`` covers all its choices."""

    input_tokens: int
    output_tokens: int

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
        )


@dataclass(slots=True)
class Delta:
    """The next text of one choice. Not frozen: one is made for every piece,
    and a frozen dataclass takes three times as long to make."""

    choice: int
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallBegun:
    """A choice asks for a tool; ``index`` counts its calls from 0. The text of
    the arguments follows."""

    choice: int
    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """The next text of the arguments of a call that has begun. The next
    ToolCallBegun of the choice, or its Finished, ends them."""

    choice: int
    index: int
    arguments: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A choice has no answer of the format asked for; ``text`` says why. No
    Delta of it came or comes."""

    choice: int
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A choice is complete; nothing of it follows. ``stop_sequence`` is the one
    that was met, if one was."""

    choice: int
    reason: FinishReason
    stop_sequence: str | None = None


ChatEvent = Delta | ToolCallBegun | ToolCallDelta | Refused | Finished | Usage
"""What a streamed answer is made of: the parts and one Finished of every
choice, then one Usage."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One whole answer of an unstreamed request. ``refusal`` says why there is
    none of the format asked for; the text is empty then."""

    text: str
    reason: FinishReason
    stop_sequence: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The reply to an unstreamed request: its choices in order, and the count."""

    choices: tuple[Choice, ...]
    usage: Usage
