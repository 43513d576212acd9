"""``piecesd`` and ``python -m piecesd``: the daemon in the foreground.

The arguments are those of ``twistd pieces``, and ``--background``.
"""

import sys

from piecesd.version import read_build


def main() -> None:
    """Run until a signal ends it, or do what ``--help`` and ``--version`` say."""
    sys.argv[0] = "piecesd"  # with -m it is a path
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print(read_build())  # noqa: T201
        return
    from piecesd import command

    if arguments == ["--help"]:
        print(command.Options())  # noqa: T201
    else:
        command.run(*arguments)


if __name__ == "__main__":
    main()
