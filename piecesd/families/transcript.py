r"""The text form that both services read a conversation in.

A message is ``{role}:{text};\r\n`` and a conversation is its messages one
after the other. The form has no escapes, so a text that itself contains a
message's end and the next one's role reads back as two messages.
"""

import re
from collections.abc import Iterable
from typing import cast, get_args

from piecesd.chat import Message, Role

_END = ";\r\n"
_ROLES = get_args(Role)
_BETWEEN = re.compile(f"{_END}(?=(?:{'|'.join(_ROLES)}):)")


def write_transcript(messages: Iterable[Message]) -> str:
    """The text form of ``messages``. Names are left out: it has no place for them."""
    return "".join(f"{message.role}:{encodable(message.text)}{_END}" for message in messages)


def read_transcript(text: str) -> tuple[Message, ...]:
    """The messages that ``text`` is the text form of; what is not a message is skipped."""
    lines = (line.partition(":") for line in _BETWEEN.split(text.removesuffix(_END)))
    return tuple(
        Message(role=cast(Role, role), text=rest) for role, _, rest in lines if role in _ROLES
    )


def encodable(text: str) -> str:
    """``text`` with what UTF-8 has no form for (lone surrogates, which JSON
    escapes can spell) replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
