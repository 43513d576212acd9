"""One setting: its name, its kind, its default, and how a text of it is read."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from piecesd.config.kinds import Kind

T = TypeVar("T")

Section = Literal[
    "HTTP",
    "Limits",
    "Access",
    "Metrics",
    "Models",
    "Store",
    "Upstream",
    "Logs",
    "Embedded upstream",
]

_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_SHOWN_CHARACTERS = 80
_USER_INFO = re.compile(r"//.*@")


class ConfigError(ValueError):
    """The daemon can't start with these settings; one line that says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One row of the table.

    ``attribute`` is its field in `Config`. ``default`` is text, as it would
    stand in a .env file.
    """

    name: str
    attribute: str
    section: Section
    kind: Kind[Any]
    default: str
    help: str
    secret: bool

    @property
    def option(self) -> str:
        """Its long option, without the dashes in front."""
        return self.name.lower().replace("_", "-")

    @property
    def is_flag(self) -> bool:
        return isinstance(self.kind.read(self.default), bool)

    def read(self, raw: str, origin: str) -> object:
        """The value that ``raw`` stands for.

        :param origin: where it was found, for the message.
        :raises ConfigError: it is not allowed.
        """
        text = raw.strip()
        try:
            if any(unicodedata.category(character) in _FORBIDDEN_CATEGORIES for character in text):
                raise ValueError("control characters")
            if not text and not self.kind.takes_empty:
                text = self.default
            return self.kind.read(text)
        except ValueError:
            raise ConfigError(
                f"{self.name}={self._shown(raw)} ({origin}) can't be used; "
                f"allowed is {self.kind.allowed}"
            ) from None

    def _shown(self, raw: str) -> str:
        if self.secret:
            return "(hidden)"
        text = _USER_INFO.sub("//(hidden)@", raw)
        return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")


def setting(
    name: str, section: Section, kind: Kind[T], default: str, help: str, *, secret: bool = False
) -> T:
    """A field of one of the `piecesd.config.sections`. To the type checker it is its
    value, so that the kind and the annotation have to agree."""
    declared = {"name": name, "section": section, "kind": kind, "default": default, "help": help}
    return field(
        default_factory=lambda: kind.read(default),
        repr=not secret,
        metadata={"setting": declared | {"secret": secret}},
    )
