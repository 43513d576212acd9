"""What becomes of the fields of a request body.

The body of each dialect is a Struct whose annotations say so; see
`piecesd.dialects.openai_chat.body` for one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, get_type_hints

import msgspec

from piecesd.errors import Phrase, UnsupportedParameter


class Treatment(Enum):
    """What becomes of a field that is never refused."""

    PASSED_ON = "passed on"
    HONOURED = "honoured"
    NO_EFFECT = "accepted, no effect"


@dataclass(frozen=True, slots=True)
class Refused:
    """A field that would change the answer and can't be honoured, unless its
    value asks for nothing (null never does)."""

    asks_for_nothing: Callable[[Any], bool]
    why: Phrase


def is_falsy(value: object) -> bool:
    """Empty, zero or false."""
    return not value


def never(_value: object) -> bool:
    return False


def only(*harmless: object) -> Callable[[Any], bool]:
    return lambda value: value in harmless


def treatments(of: type[msgspec.Struct]) -> dict[str, Treatment | Refused]:
    """The table that the annotations of ``of`` are, by the names of the fields
    in JSON."""
    hints = get_type_hints(of, include_extras=True)
    return {
        field.encode_name: hints[field.name].__metadata__[0] for field in msgspec.structs.fields(of)
    }


@cache
def _refused(of: type[msgspec.Struct]) -> tuple[tuple[str, str, Refused], ...]:
    """The attribute, the name in JSON and the treatment of each such field."""
    table = treatments(of)
    return tuple(
        (field.name, field.encode_name, treatment)
        for field in msgspec.structs.fields(of)
        if isinstance(treatment := table[field.encode_name], Refused)
    )


def unsupported(body: msgspec.Struct) -> Iterator[tuple[str, Phrase]]:
    """The fields of ``body`` that ask for what can't be honoured, each with why."""
    for attribute, name, refused in _refused(type(body)):
        value = getattr(body, attribute)
        if value is not None and not refused.asks_for_nothing(value):
            yield name, refused.why


def refuse_unsupported(body: msgspec.Struct, path: str = "") -> None:
    """:raises UnsupportedParameter: ``body``, which stands at ``path``, such as
    ``messages[0].``, asks for what can't be honoured."""
    for name, why in unsupported(body):
        raise UnsupportedParameter(param=path + name, detail=why)
