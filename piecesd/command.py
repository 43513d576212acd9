"""The command ``piecesd``: twistd with this daemon as its only plugin.

twistd itself looks through all plugins that are installed, and wants to write
what it found into a cache beside them; where it may not, each start says so in
the log. Here is nothing to be looked for.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from twisted.application import app
from twisted.application.service import ServiceMaker
from twisted.python import usage
from twisted.scripts import twistd

from piecesd import plugin

makeService = plugin.makeService


class Options(plugin.Options):
    """Those of ``twistd pieces``, and where the process is to be."""

    optParameters = [  # noqa: RUF012 Twisted reads it as it is
        [
            "background",
            "b",
            None,
            "Leave the terminal once the port is open, and write the process id to this file.",
        ],
    ]

    def postOptions(self) -> None:
        """Read the settings, and hand twistd what is its business.

        :raises SystemExit: one can't be used; one line says which and why.
        """
        super().postOptions()
        if self["background"] is not None:
            assert self.parent is not None  # twistd's own
            self.parent.update(nodaemon=False, pidfile=self["background"])


class _Twistd(twistd.ServerOptions):  # type: ignore[name-defined, misc]
    def parseOptions(self, options: Any = None) -> None:
        """:raises SystemExit: an option can't be used; one line says which."""
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            raise SystemExit(f"piecesd: {error}; --help lists what there is") from None

    @property
    def subCommands(self) -> Iterator[tuple[str, None, Callable[[], usage.Options], str]]:
        pieces: Any = ServiceMaker("pieces", __name__, Options.longdesc, "pieces")
        self.loadedPlugins = {pieces.tapname: pieces}
        yield pieces.tapname, None, pieces.options, pieces.description


def run(*options: str, of_twistd: tuple[str, ...] = ()) -> None:
    """Run the daemon until a signal ends it: in the foreground, unless
    ``--background`` is among its ``options``."""
    sys.argv[:] = ["piecesd", "--nodaemon", "--pidfile=", *of_twistd, "pieces", *options]
    app.run(twistd.runApp, _Twistd)
