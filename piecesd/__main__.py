"""``piecesd`` and ``python -m piecesd``: the daemon in the foreground.

The arguments are those of ``twistd pieces``.
"""

import sys

from piecesd.version import read_build


def main() -> None:
    """Run until a signal ends it, as ``twistd --nodaemon pieces`` does."""
    sys.argv[0] = "piecesd"  # with -m it is a path
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print(read_build())  # noqa: T201
    elif arguments == ["--help"]:
        from piecesd.plugin import Options

        print(Options())  # noqa: T201
    else:
        from twisted.scripts import twistd

        sys.argv[1:] = ["--nodaemon", "--pidfile=", "pieces", *arguments]
        twistd.run()


if __name__ == "__main__":
    main()
