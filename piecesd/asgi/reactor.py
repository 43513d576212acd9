"""Twisted's reactor on an event loop that somebody else runs."""

import asyncio

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.error import ReactorAlreadyInstalledError
from twisted.internet.main import installReactor
from twisted.internet.posixbase import PosixReactorBase


class HostedReactor(AsyncioSelectorReactor):
    """Takes no signals, runs nothing, and leaves the loop running at its end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._loop = loop

    def begin(self) -> None:
        """Be what `run` makes of a reactor, except that the loop runs already."""
        self.startRunning(installSignalHandlers=False)

    async def end(self) -> None:
        """Stop as after `run`: its threads end, and what is still open is closed."""
        over: asyncio.Future[None] = self._loop.create_future()
        self.addSystemEventTrigger("after", "shutdown", over.set_result, None)
        self.stop()
        await over

    def crash(self) -> None:
        """The last step of stopping. Twisted's would stop the loop, too."""
        PosixReactorBase.crash(self)


def install(loop: asyncio.AbstractEventLoop) -> HostedReactor:
    """Make it the one that libraries import (Klein does so when it is imported).

    :raises ReactorAlreadyInstalledError: this process has one already.
    """
    reactor = HostedReactor(loop)
    installReactor(reactor)
    return reactor


__all__ = ["HostedReactor", "ReactorAlreadyInstalledError", "install"]
