"""When an application starts and stops. What it starts is a stand-in."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from piecesd.asgi.application import Application
from piecesd.asgi.channel import HostedSite
from piecesd.asgi.running import CantRun, Running
from tests.asgi.server import FakeServer, http_scope, run_steps, turns
from tests.http.wire import WireTestCase

LIFESPAN = {"type": "lifespan", "asgi": {"version": "3.0"}}


class StandIn:
    """Serves the site of a test."""

    def __init__(self, site: HostedSite) -> None:
        self.site = site
        self.stops = 0

    async def stop(self) -> None:
        await asyncio.sleep(0)
        self.stops += 1


class ApplicationTests(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.running = StandIn(HostedSite(self.api, cast(Any, self.clock)))
        self.started_with: list[Mapping[str, str]] = []
        self.failure: CantRun | None = None
        self.application = Application({"PORT": "1"}, self.start)

    def start(self, environ: Mapping[str, str]) -> Running:
        self.started_with.append(environ)
        if self.failure is not None:
            raise self.failure
        return cast(Running, self.running)

    async def ping(self) -> FakeServer:
        server = FakeServer(self.application, http_scope())
        server.bring()
        await server.over()
        return server

    def test_it_lives_as_long_as_the_server_says(self) -> None:
        async def steps() -> None:
            life = FakeServer(self.application, LIFESPAN)
            await turns()
            self.assertEqual(self.started_with, [])
            life.bring()
            await turns()
            self.assertEqual(life.sent, [{"type": "lifespan.startup.complete"}])
            for _ in range(2):
                self.assertEqual((await self.ping()).body, b"pong")
            self.assertEqual(self.running.stops, 0)
            life.bring()
            await life.over()
            self.assertEqual(life.sent[1:], [{"type": "lifespan.shutdown.complete"}])

        run_steps(steps)
        self.assertEqual(self.started_with, [{"PORT": "1"}])
        self.assertEqual(self.running.stops, 1)

    def test_the_server_is_told_why_it_cannot_start(self) -> None:
        self.failure = CantRun("piecesd: no way")

        async def steps() -> None:
            life = FakeServer(self.application, LIFESPAN)
            life.bring()
            await life.over()
            self.assertEqual(
                life.sent, [{"type": "lifespan.startup.failed", "message": "piecesd: no way"}]
            )

        run_steps(steps)
        self.assertEqual(self.running.stops, 0)

    def test_without_such_a_server_it_starts_once_and_ends_with_the_loop(self) -> None:
        async def steps() -> None:
            for _ in range(2):
                self.assertEqual((await self.ping()).status, 200)
            self.assertEqual((len(self.started_with), self.running.stops), (1, 0))

        run_steps(steps)
        self.assertEqual(self.running.stops, 1)

    def test_what_cannot_start_is_not_tried_again_at_each_request(self) -> None:
        self.failure = CantRun("piecesd: no way")

        async def steps() -> None:
            for _ in range(2):
                with self.assertRaises(CantRun):
                    await self.ping()

        run_steps(steps)
        self.assertEqual(len(self.started_with), 1)

    def test_a_websocket_is_refused(self) -> None:
        async def steps() -> None:
            server = FakeServer(self.application, {"type": "websocket"})
            await server.over()
            self.assertEqual([message["type"] for message in server.sent], ["websocket.close"])

        run_steps(steps)
        self.assertEqual(self.started_with, [])

    def test_what_it_does_not_know_is_an_error(self) -> None:
        async def steps() -> None:
            with self.assertRaises(ValueError):
                await FakeServer(self.application, {"type": "mqtt"}).over()

        run_steps(steps)
