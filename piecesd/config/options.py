"""Settings as command-line options, in the lists that twisted's
``usage.Options`` is made of (rows of long name, short name, …, help)."""

from collections.abc import Iterable, Mapping

from piecesd.config.setting import Setting
from piecesd.config.settings import SETTINGS


def option_parameters(settings: Iterable[Setting] = SETTINGS) -> list[list[str | None]]:
    """``optParameters``: one row for each setting that takes a value. The
    default of the option itself is None, for "not given"."""
    return [[each.option, None, None, _help(each)] for each in settings if not each.is_flag]


def option_flags(settings: Iterable[Setting] = SETTINGS) -> list[list[str | None]]:
    """``optFlags``: two rows for each setting that is true or false, since a
    flag has to be able to undo what the environment says."""
    flags = [each for each in settings if each.is_flag]
    return [[each.option, None, _help(each)] for each in flags] + [
        [f"no-{each.option}", None, f"Undo {each.name}."] for each in flags
    ]


def given_options(
    parsed: Mapping[str, object], settings: Iterable[Setting] = SETTINGS
) -> dict[str, str]:
    """What `piecesd.config.load` wants of parsed options: the texts of those
    that were given, by the names of the environment."""
    given: dict[str, str] = {}
    for setting in settings:
        if not setting.is_flag:
            value = parsed.get(setting.option)
            if value is not None:
                given[setting.name] = str(value)
        elif parsed.get(f"no-{setting.option}"):
            given[setting.name] = "false"
        elif parsed.get(setting.option):
            given[setting.name] = "true"
    return given


def _help(setting: Setting) -> str:
    default = setting.default or "empty"
    return f"{setting.help} [{setting.name}, default: {default}]"
