"""Completion in zsh. Twisted has its own for ``twistd pieces``, which asks the
program for its options at each key; this one is a file."""

import re
from collections.abc import Iterable

from piecesd.manual.option import Option


def zsh_completion(program: str, options: Iterable[Option]) -> str:
    """The file ``_program`` that zsh looks for in its ``fpath``."""
    head = f"#compdef {program}\n# Written by `python -m piecesd.manual`.\n\n_arguments -s"
    return head + "".join(f" \\\n    {spec}" for each in options for spec in _specs(each)) + "\n"


def _specs(option: Option) -> list[str]:
    """As _arguments wants them: one for each spelling."""
    described = "[" + re.sub(r"([\[\]:\\])", r"\\\1", option.help) + "]"
    value = ""
    if option.choices:
        value = f":value:({' '.join(option.choices)})"
    elif option.is_file:
        value = ":file:_files"
    elif option.takes_value:
        value = ":value: "
    long = f"--{option.long}{'=' if option.takes_value else ''}"
    shorts = [f"-{option.short}{'+' if option.takes_value else ''}"] if option.short else []
    return [_quoted(f"{spelled}{described}{value}") for spelled in [long, *shorts]]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
