"""Asking real servers how they are."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from piecesd._pb import health_pb2 as pb
from piecesd._pb.health_pb2_grpc import HealthServicer, add_HealthServicer_to_server
from piecesd.config import UpstreamAddress
from piecesd.embedded.echo import EchoModel
from piecesd.embedded.service import EmbeddedUpstreamService
from piecesd.families import FAMILIES
from piecesd.process import daemon_threads
from piecesd.upstream.bridge import Bridge
from piecesd.upstream.channels import ChannelPool, connector
from piecesd.upstream.client import stub_maker
from piecesd.upstream.endpoints import Endpoint
from piecesd.upstream.health_checks import HealthCheck
from tests.integration.test_outages import closed_port


class Health(HealthServicer):
    status = pb.HealthCheckResponse.SERVING
    asked = 0

    def Check(self, request: Any, context: Any) -> Any:
        self.asked += 1
        return pb.HealthCheckResponse(status=self.status)


class HealthCheckTests(TestCase):
    timeout = 20
    clock: Any = reactor

    def serve(self, *servicers: Health) -> int:
        server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
        for servicer in servicers:
            add_HealthServicer_to_server(servicer, server)
        port: int = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.addCleanup(lambda: deferToThread(server.stop(0).wait))
        return port

    def endpoint(self, port: int) -> Endpoint:
        pool = ChannelPool(
            "gpt",
            connector(UpstreamAddress(host="127.0.0.1", port=port, tls=False), None),
            stub_maker(FAMILIES["gpt"]),
            minimum=1,
            maximum=1,
            clock=self.clock,
        )
        pool.start()
        self.addCleanup(pool.stop)
        return Endpoint("far end", 1, pool, self.clock)

    def check(self, endpoint: Endpoint) -> HealthCheck:
        bridge = Bridge(
            self.clock.callFromThread, daemon_threads("none", 1), max_streams=1, clock=self.clock
        )
        check = HealthCheck(endpoint, bridge)
        self.addCleanup(check.cancel)
        return check

    async def ask(self, check: HealthCheck, endpoint: Endpoint) -> None:
        check.ask()
        while endpoint.pool.in_flight:
            waited: Deferred[None] = deferLater(self.clock, 0.01)
            await waited

    async def test_one_that_does_not_serve_is_ejected_until_it_does(self) -> None:
        health = Health()
        endpoint = self.endpoint(self.serve(health))
        check = self.check(endpoint)
        await self.ask(check, endpoint)
        self.assertTrue(endpoint.is_usable)
        health.status = pb.HealthCheckResponse.NOT_SERVING
        await self.ask(check, endpoint)
        self.assertFalse(endpoint.is_usable)
        health.status = pb.HealthCheckResponse.SERVING
        await self.ask(check, endpoint)
        self.assertEqual(endpoint.health.usable_in(), 0)

    async def test_one_that_can_not_be_asked_has_failed(self) -> None:
        endpoint = self.endpoint(closed_port())
        check = self.check(endpoint)
        for _ in range(5):
            await self.ask(check, endpoint)
        self.assertTrue(endpoint.health.is_ejected)

    async def test_one_that_does_not_speak_the_protocol_is_left_alone(self) -> None:
        endpoint = self.endpoint(self.serve())
        check = self.check(endpoint)
        await self.ask(check, endpoint)
        check.ask()
        self.assertEqual(endpoint.pool.in_flight, 0, "it was asked again")
        self.assertTrue(endpoint.is_usable)

    async def test_the_embedded_upstream_serves(self) -> None:
        embedded = EmbeddedUpstreamService(EchoModel(0.0), reactor=reactor)
        embedded.startService()
        self.addCleanup(embedded.stopService)
        endpoint = self.endpoint(embedded.port)
        endpoint.health.eject()
        await self.ask(self.check(endpoint), endpoint)
        self.assertEqual(endpoint.health.usable_in(), 0)
