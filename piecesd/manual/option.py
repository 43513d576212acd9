"""The options of a command, as a value that pages and completions are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from twisted.python import usage

from piecesd.config import SETTINGS, Setting

_FILES = ("env-file", "background")
"""Options that are no settings, and name a file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """``long`` and ``short`` are without dashes, ``short`` is empty if there is
    none. ``setting`` is None for an option that is not a setting's own, as the
    one that undoes a flag."""

    long: str
    short: str
    help: str
    takes_value: bool
    setting: Setting | None

    @property
    def choices(self) -> Sequence[str]:
        """All the values it may have, if they are few."""
        return self.setting.kind.choices if self.setting else ()

    @property
    def is_file(self) -> bool:
        return self.setting.kind.is_file if self.setting else self.long in _FILES


def read_options(options: usage.Options) -> list[Option]:
    """Those of a command, settings in their own order and then the others."""
    short_of = {long: name for name, long in options.synonyms.items() if len(name) == 1}
    settings = {setting.option: setting for setting in SETTINGS}
    found = {}
    for spelled in options.longOpt:
        long = spelled.removesuffix("=")
        found[long] = Option(
            long=long,
            short=short_of.get(long, ""),
            help=_help(options, long, settings.get(long)),
            takes_value=spelled.endswith("="),
            setting=settings.get(long),
        )
    names = [*settings, *sorted(set(found) - set(settings))]
    return [found[name] for name in names if name in found]


def _help(options: usage.Options, long: str, setting: Setting | None) -> str:
    """On one line; without what an option's text adds to that of its setting."""
    return setting.help if setting else " ".join(options.docs[long].split())
