"""The core's values: what is asked of a model, and what comes back.

Dialects translate client JSON into these values and back; families translate
them into each upstream's messages. Nothing here knows HTTP, JSON or gRPC.
"""

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]

FinishReason = Literal["stop", "length"]
"""Why an answer ended, in the OpenAI API's words: ``stop`` when the model
ended it or a stop sequence was met, ``length`` when the token limit cut it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message of a conversation; ``text`` is plain text."""

    role: Role
    text: str
    name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatRequest:
    """A conversation to be continued, free of any client's dialect.

    ``model`` is the name the client used, or ``""`` when it used none.
    ``None`` leaves a choice to the upstream. ``choices`` is how many
    independent answers are wanted (the OpenAI API's ``n``).
    """

    model: str
    messages: tuple[Message, ...]
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    choices: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Token counts of a request; ``output_tokens`` covers all its choices."""

    input_tokens: int
    output_tokens: int

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(slots=True)
class Delta:
    """The next text of one choice. Not frozen: one is made for every piece,
    and a frozen dataclass takes three times as long to make."""

    choice: int
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A choice is complete; no Delta of it follows."""

    choice: int
    reason: FinishReason


ChatEvent = Delta | Finished | Usage
"""What a streamed answer is made of: Deltas and one Finished for every choice,
then one Usage."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One whole answer of an unstreamed request."""

    text: str
    reason: FinishReason


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The reply to an unstreamed request: its choices in order, and the count."""

    choices: tuple[Choice, ...]
    usage: Usage
