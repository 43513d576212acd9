"""Completion in fish."""

from collections.abc import Iterable

from piecesd.manual.option import Option


def fish_completion(program: str, options: Iterable[Option]) -> str:
    """The file that fish looks for under the name of ``program``."""
    head = f"# Completes {program} in fish. Written by `python -m piecesd.manual`.\n\n"
    return head + f"complete -c {program} -f\n" + "".join(_line(program, each) for each in options)


def _line(program: str, option: Option) -> str:
    words = ["complete", "-c", program, "-l", option.long]
    if option.short:
        words += ["-s", option.short]
    if option.is_file:
        words += ["-r", "-F"]
    elif option.takes_value:
        words.append("-x")
    if option.choices:
        words += ["-a", _quoted(" ".join(option.choices))]
    return " ".join([*words, "-d", _quoted(option.help)]) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
