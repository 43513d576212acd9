"""The application: its life, and what it does with what a server brings."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from piecesd.asgi.channel import exchange
from piecesd.asgi.running import CantRun, Running, start

if TYPE_CHECKING:
    from piecesd.asgi.messages import Receive, Scope, Send


class Starter(Protocol):
    """Starts all that serves, in the running loop."""

    def __call__(self, environ: Mapping[str, str]) -> Running:
        """:raises CantRun: it can't be started; the text says why."""


class Application:
    """An ASGI 3 application that serves the API.

    Where the server tells it of its life (``lifespan``), it starts and stops with
    that. Where none does, it starts at the first request, and stops when the loop
    ends and cancels its tasks.

    :param environ: the settings, as the environment has them. ``.env`` is read,
        too; what says where to listen and to log does nothing.
    """

    def __init__(self, environ: Mapping[str, str], start: Starter = start) -> None:
        self._environ = environ
        self._start = start
        self._running: Running | None = None
        self._failure: CantRun | None = None
        self._watch: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or be told of the server's life.

        :raises CantRun: there was no lifespan to say so, and it can't be started.
        """
        match scope["type"]:
            case "http":
                await exchange(self._started().site, scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await send({"type": "websocket.close", "code": 1000})
            case other:
                raise ValueError(f"piecesd does not speak {other!r}")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            running = self._begin()
        except CantRun as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        try:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        finally:
            await running.stop()
        await send({"type": "lifespan.shutdown.complete"})

    def _started(self) -> Running:
        if self._running is None:
            running = self._begin()
            self._watch = asyncio.create_task(_until_cancelled(running))
        assert self._running is not None
        return self._running

    def _begin(self) -> Running:
        if self._failure is not None:
            raise self._failure
        try:
            self._running = self._start(self._environ)
        except CantRun as error:
            self._failure = error
            raise
        return self._running


async def _until_cancelled(running: Running) -> None:
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await running.stop()
