"""What becomes of the fields of a request body.

The body of each dialect is a Struct whose annotations say so; see
`piecesd.dialects.openai_chat.body` for one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Protocol, TypeVar, get_type_hints, runtime_checkable

import msgspec

from piecesd.errors import MissingParameter, Phrase, UnsupportedParameter

T = TypeVar("T")


class Treatment(Enum):
    """What becomes of a field that is never refused."""

    PASSED_ON = "passed on"
    HONOURED = "honoured"
    NO_EFFECT = "accepted, no effect"


@dataclass(frozen=True, slots=True)
class Refused:
    """A field that would change the answer and can't be honoured, unless its
    value asks for nothing (null always does). ``fits`` is the JSON schema of such
    values, where they can't be listed."""

    asks_for_nothing: Callable[[Any], bool]
    why: Phrase
    fits: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class NeededFor:
    """A field that must be there, and not null, where the field ``tag`` beside it
    has one of ``kinds``, whatever else the type lets through. ``fits`` is the JSON
    schema of what it may be then."""

    tag: str
    kinds: tuple[str | None, ...]
    fits: Mapping[str, Any] | None = None


class Needed:
    """A field that must be there, though decoding lets it be absent."""


NEEDED = Needed()


@runtime_checkable
class Harmless(Protocol):
    """Tells values that ask for nothing; ``values`` are all of them, in JSON."""

    @property
    def values(self) -> tuple[Any, ...]: ...

    def __call__(self, value: Any, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Only:
    values: tuple[Any, ...]

    def __call__(self, value: Any, /) -> bool:
        return value in self.values


@dataclass(frozen=True, slots=True)
class _Falsy:
    values: tuple[Any, ...] = (False, 0, "", [], {})

    def __call__(self, value: Any, /) -> bool:
        return not value


def only(*harmless: Any) -> Harmless:
    return _Only(harmless)


never: Harmless = only()
is_falsy: Harmless = _Falsy()
"""Empty, zero or false."""


def one_of(names: Iterable[str | None]) -> msgspec.Meta:
    """Tells readers of the schema what a string may be; it is up to the code to
    refuse others, which knows better words for it."""
    return msgspec.Meta(extra_json_schema={"enum": list(names)})


def annotations(of: type[msgspec.Struct], kind: type[T]) -> dict[str, T]:
    """Those annotations of the fields of ``of`` that are of ``kind``, by the names
    of the fields in JSON."""
    hints = get_type_hints(of, include_extras=True)
    return {
        field.encode_name: note
        for field in msgspec.structs.fields(of)
        for note in getattr(hints[field.name], "__metadata__", ())
        if isinstance(note, kind)
    }


def treatments(of: type[msgspec.Struct]) -> dict[str, Treatment | Refused]:
    """The table that the annotations of ``of`` are, by the names of the fields
    in JSON."""
    return {**annotations(of, Treatment), **annotations(of, Refused)}


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


@cache
def _needed(of: type[msgspec.Struct]) -> tuple[tuple[str, str, NeededFor], ...]:
    """The attribute, the name in JSON and the need of each such field."""
    needs = annotations(of, NeededFor)
    return tuple(
        (field.name, field.encode_name, needs[field.encode_name])
        for field in msgspec.structs.fields(of)
        if field.encode_name in needs
    )


def require_needed(body: msgspec.Struct, path: str) -> None:
    """:raises MissingParameter: ``body``, which stands at ``path``, such as
    ``tools[0].``, lacks a field that its kind needs."""
    for attribute, name, need in _needed(type(body)):
        if getattr(body, attribute) is None and getattr(body, need.tag) in need.kinds:
            raise MissingParameter(param=path + name)


def refuse_unsupported(body: msgspec.Struct, path: str = "") -> None:
    """:raises UnsupportedParameter: ``body``, which stands at ``path``, such as
    ``messages[0].``, asks for what can't be honoured."""
    for name, why in unsupported(body):
        raise UnsupportedParameter(param=path + name, detail=why)
