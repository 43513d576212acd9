"""What there is to write, and where it belongs below ``share/``."""

from collections.abc import Callable, Mapping

from piecesd.command import Options
from piecesd.manual.bash import bash_completion
from piecesd.manual.fish import fish_completion
from piecesd.manual.option import Option, read_options
from piecesd.manual.page import page, page_elsewhere
from piecesd.manual.zsh import zsh_completion

PROGRAM = "piecesd"


def _options() -> list[Option]:
    return read_options(Options())


DOCUMENTS: Mapping[str, Callable[[], str]] = {
    "share/man/man8/piecesd.8": lambda: page(_options()),
    "share/man/man8/pieces.8": lambda: page_elsewhere("man8/piecesd.8"),
    "share/bash-completion/completions/piecesd": lambda: bash_completion(PROGRAM, _options()),
    "share/zsh/site-functions/_piecesd": lambda: zsh_completion(PROGRAM, _options()),
    "share/fish/vendor_completions.d/piecesd.fish": lambda: fish_completion(PROGRAM, _options()),
}
"""The path of each in the repo, and what makes it."""
