"""Bounds that values in a request body are held to, whatever the dialect.

The types carry theirs with them: values out of bounds are refused while the body
is decoded, and the OpenAPI description has the same numbers.
"""

from collections.abc import Sequence
from typing import Annotated, TypeVar

from msgspec import Meta

from piecesd.errors import InvalidValue, Phrase

MAX_CHOICES = 16
"""The most answers one request may ask for; each is an upstream call of its own."""

MAX_NAME_CHARACTERS = 256
"""Names that are given back, in answers or in errors, may be this long."""

MAX_MESSAGES = 10_000
"""Messages and their parts, together: each costs time of the thread that serves
everybody, and no model's input has room for so many."""

MAX_STOP_CHARACTERS = 1000
"""A stop sequence may be this long; the automaton that looks for it grows with it."""

MAX_STOPS = 4

T = TypeVar("T")
Label = Annotated[str, Meta(max_length=MAX_NAME_CHARACTERS)]
Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARACTERS)]
ModelName = Label
CallId = Label
Messages = Annotated[list[T], Meta(min_length=1, max_length=MAX_MESSAGES)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[int, Meta(ge=1)]
Choices = Annotated[int, Meta(ge=1, le=MAX_CHOICES)]
StopSequence = Annotated[str, Meta(min_length=1, max_length=MAX_STOP_CHARACTERS)]
Stops = StopSequence | Annotated[list[StopSequence], Meta(max_length=MAX_STOPS)]


def require_within(param: str, value: float | None, low: float, high: float) -> None:
    """:raises InvalidValue: ``value`` is outside of the bounds; None never is."""
    if value is not None and not low <= value <= high:
        raise InvalidValue(
            param=param,
            detail=Phrase(f"it must be from {low} to {high}.", f"必须在 {low} 到 {high} 之间。"),
        )


def require_length(param: str, text: str, low: int, high: int) -> None:
    """:raises InvalidValue: ``text`` has fewer or more characters."""
    if not low <= len(text) <= high:
        raise InvalidValue(
            param=param,
            detail=Phrase(
                f"it must have {low} to {high} characters.",
                f"长度必须为 {low} 到 {high} 个字符。",
            ),
        )


def require_at_most(param: str, count: int, most: int) -> None:
    """:raises InvalidValue: a list has more items than it may have."""
    if count > most:
        raise InvalidValue(
            param=param, detail=Phrase(f"there may be at most {most}.", f"最多 {most} 个。")
        )


def require_few_messages(param: str, count: int) -> None:
    """:raises InvalidValue: there are no messages, or with their parts more than
    `MAX_MESSAGES`."""
    if not count:
        raise InvalidValue(
            param=param, detail=Phrase("there must be at least one message.", "至少需要一条消息。")
        )
    if count > MAX_MESSAGES:
        raise InvalidValue(
            param=param,
            detail=Phrase(
                f"there may be at most {MAX_MESSAGES} messages and parts of messages.",
                f"消息及其部分最多 {MAX_MESSAGES} 个。",
            ),
        )


def listed(stop: str | Sequence[str] | None) -> tuple[str, ...]:
    """The stop sequences of a request, which may be none, one or a few."""
    if stop is None:
        return ()
    return (stop,) if isinstance(stop, str) else tuple(stop)
