"""The documents that are made from the table of settings.

``python -m piecesd.config`` writes them, from the top of the repo.
"""

from collections.abc import Callable, Mapping
from itertools import groupby

from piecesd.config.setting import Setting
from piecesd.config.settings import SETTINGS

_PAGE_HEAD = """\
# Settings

This page is written by `python -m piecesd.config`; do not edit it by hand.

Each setting is an environment variable, a line of a `.env` file and an option of
`twistd pieces`: `MAX_RETRIES=5` is `--max-retries 5`. An option wins over the
environment, the environment over the `.env` file, the file over the default. The
file is `./.env`, which need not be there, or the one that `--env-file` names.

A setting that is true or false is an option without a value: `--debug`, or
`--no-debug` to undo what the environment says. Keys and tokens are better kept out of
options, because every user of the machine can see those in the list of processes.

An empty value means what the table says; where it says nothing, the default. A value
that is not allowed stops the start with one line that says why. Relative paths count
from the directory the daemon is started in.
"""

_TABLE_HEAD = "| setting | default | allowed | meaning |\n|---|---|---|---|\n"

_EXAMPLE_HEAD = """\
# Settings of piecesd. Copy this file to .env and take the # off the lines to change.
# Written by `python -m piecesd.config`; docs/settings.md says more.
"""


def settings_page() -> str:
    """docs/settings.md: a table for each section."""
    parts = [_PAGE_HEAD]
    for section, settings in groupby(SETTINGS, key=lambda each: each.section):
        parts.append(f"\n## {section}\n\n{_TABLE_HEAD}")
        parts.extend(map(_row, settings))
    return "".join(parts)


def env_example() -> str:
    """.env.example: every setting, commented out, with its default."""
    parts = [_EXAMPLE_HEAD]
    for section, settings in groupby(SETTINGS, key=lambda each: each.section):
        parts.append(f"\n## {section}\n")
        parts.extend(
            f"\n# {each.help}\n# Allowed: {each.kind.allowed}.\n#{each.name}={each.default}\n"
            for each in settings
        )
    return "".join(parts)


DOCUMENTS: Mapping[str, Callable[[], str]] = {
    "docs/settings.md": settings_page,
    ".env.example": env_example,
}
"""The path of each document in the repo, and what makes it."""


def _row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else "empty"
    return f"| `{setting.name}` | {default} | {setting.kind.allowed} | {setting.help} |\n"
