"""Completion in bash 4 and later, as bash-completion loads it."""

from collections.abc import Sequence

from piecesd.manual.option import Option

_FUNCTION = """\
# Completes {program} in bash. Written by `python -m piecesd.manual`.

_{program}() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} option=${{COMP_WORDS[COMP_CWORD - 1]}}
    # To bash, the = of --option=value is a word of its own.
    if [[ $current == = ]]; then
        current=
    elif [[ $option == = ]]; then
        option=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    case $option in
{cases}\
        *)
            mapfile -t COMPREPLY < <(compgen -W '{options}' -- "$current")
            [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace
            ;;
    esac
    return 0
}}

complete -F _{program} {program}
"""

_CASE = """\
        {pattern})
            {action}
            ;;
"""
_FILES = """\
mapfile -t COMPREPLY < <(compgen -f -- "$current")
            compopt -o filenames"""


def bash_completion(program: str, options: Sequence[Option]) -> str:
    """The file that bash-completion looks for under the name ``program``."""
    valued = [option for option in options if option.takes_value]
    cases = [
        _case([option], f"mapfile -t COMPREPLY < <(compgen -W '{words}' -- \"$current\")")
        for option in valued
        if (words := " ".join(option.choices))
    ]
    cases.append(_case([option for option in valued if option.is_file], _FILES))
    free = [option for option in valued if not option.is_file and not option.choices]
    cases.append(_case(free, "COMPREPLY=()"))
    words = " ".join(f"--{each.long}{'=' if each.takes_value else ''}" for each in options)
    return _FUNCTION.format(program=program, cases="".join(cases), options=words)


def _case(options: Sequence[Option], action: str) -> str:
    spelled = [f"--{option.long}" for option in options]
    spelled += [f"-{option.short}" for option in options if option.short]
    return _CASE.format(pattern=" | ".join(spelled), action=action)
