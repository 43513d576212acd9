"""Bounds that values in a request body are held to, whatever the dialect."""

from collections.abc import Sequence

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


def require_within(param: str, value: float | None, low: float, high: float) -> None:
    """:raises InvalidValue: ``value`` is outside of the bounds; None never is."""
    if value is not None and not low <= value <= high:
        raise InvalidValue(
            param=param,
            detail=Phrase(f"it must be from {low} to {high}.", f"必须在 {low} 到 {high} 之间。"),
        )


def require_positive(param: str, value: int | None) -> None:
    """:raises InvalidValue: ``value`` is below 1; None never is."""
    if value is not None and value < 1:
        raise InvalidValue(param=param, detail=Phrase("it must be at least 1.", "不得小于 1。"))


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


def stop_sequences(param: str, stop: str | Sequence[str] | None, *, most: int) -> tuple[str, ...]:
    """The stop sequences of a request, which may be one or a few.

    :raises InvalidValue: there are more than ``most``, or one is empty or too long.
    """
    if stop is None:
        return ()
    if isinstance(stop, str):
        require_length(param, stop, 1, MAX_STOP_CHARACTERS)
        return (stop,)
    require_at_most(param, len(stop), most)
    for index, text in enumerate(stop):
        require_length(f"{param}[{index}]", text, 1, MAX_STOP_CHARACTERS)
    return tuple(stop)
