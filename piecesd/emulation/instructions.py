"""Where the model is told what it has to know beside the conversation."""

from collections.abc import Sequence

from piecesd.chat import Message


def instruct(messages: Sequence[Message], text: str) -> tuple[Message, ...]:
    """``messages`` with ``text`` behind the system's own words at their head."""
    head = next(
        (index for index, message in enumerate(messages) if message.role != "system"),
        len(messages),
    )
    return (*messages[:head], Message(role="system", text=text), *messages[head:])
