"""Asks addresses how they are, by the standard gRPC health protocol."""

import grpc
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from piecesd._pb import health_pb2 as pb
from piecesd.upstream.bridge import Bridge
from piecesd.upstream.endpoints import Endpoint

CHECK_METHOD = "/grpc.health.v1.Health/Check"
CHECK_TIMEOUT_SECONDS = 5.0

_WHOLE_SERVER = pb.HealthCheckRequest(service="").SerializeToString()
_NOT_SPOKEN = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.NOT_FOUND)


class HealthCheck:
    """Asks one address, and tells its health what it said.

    One that does not serve is ejected; one that serves may, if it was ejected,
    have its trial call at once. An address that does not speak the protocol is
    not asked again.
    """

    _log = Logger()

    def __init__(self, endpoint: Endpoint, bridge: Bridge) -> None:
        self._endpoint = endpoint
        self._bridge = bridge
        self._spoken = True
        self._asking: Deferred[None] | None = None

    def ask(self) -> None:
        """Ask now, unless the last answer is still awaited."""
        if self._spoken and self._asking is None:
            self._asking = Deferred.fromCoroutine(self._ask())
            self._asking.addBoth(self._asked)

    def cancel(self) -> None:
        if self._asking is not None:
            self._asking.cancel()

    def _asked(self, _result: object) -> None:
        self._asking = None

    async def _ask(self) -> None:
        pool, health = self._endpoint.pool, self._endpoint.health
        channel = pool.acquire()
        try:
            future = channel.stub.check.future(_WHOLE_SERVER, timeout=CHECK_TIMEOUT_SECONDS)
            reply = pb.HealthCheckResponse.FromString(await self._bridge.reply(future))
        except grpc.RpcError as error:
            if error.code() in _NOT_SPOKEN:
                self._spoken = False
                self._log.info(
                    "{address} does not speak the health protocol", address=self._endpoint.name
                )
            else:
                health.fail()
        else:
            if reply.status == pb.HealthCheckResponse.SERVING:
                health.invite()
            else:
                health.eject()
        finally:
            pool.release(channel)
