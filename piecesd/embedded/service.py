"""The embedded upstream as a Twisted service."""

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from piecesd.embedded.calls import CallCounts, Calls, EndedCall
from piecesd.embedded.echo import EchoModel
from piecesd.embedded.model import Model
from piecesd.embedded.server import LOOPBACK, GrpcServer


class EmbeddedUpstreamService(Service):
    """Starts and stops the gRPC server.

    :param port: 0 lets the system pick.
    :param faults: let conversations script faults (`piecesd.embedded.faults`).
    """

    _log = Logger()

    def __init__(
        self,
        model: Model,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        faults: bool = False,
        reactor: Any,
    ) -> None:
        self.host = host
        self.port = port
        self._reactor = reactor
        self._calls = Calls(lambda ended: reactor.callFromThread(self._call_ended, ended))
        self._model = model
        self._faults = faults
        self._server: GrpcServer | None = None

    @property
    def model_name(self) -> str:
        """Which model answers, for people."""
        return self._model.name

    @property
    def counts(self) -> CallCounts:
        """The calls since the start."""
        return self._calls.counts

    def startService(self) -> None:
        """Listen. From here on ``port`` is the real one.

        Blocks for the few milliseconds that it takes, for the daemon's channels
        need the port.

        :raises OSError: the address can't be had.
        """
        super().startService()
        self._server = GrpcServer(
            self._model, self._calls, host=self.host, port=self.port, faults=self._faults
        )
        self.port = self._server.start()
        self._log.info(
            "Embedded upstream on {host}:{port}, {model}{faults}",
            host=self.host,
            port=self.port,
            model=self.model_name,
            faults=", with scripted faults" if self._faults else "",
        )

    def stopService(self) -> Deferred[None]:
        """Cancel the calls that run and close the port. Fires when the thread
        has ended, which takes about a second at worst."""
        super().stopService()
        if self._server is None:
            return succeed(None)
        stopped: Deferred[None] = Deferred()

        def server_stopped(_: Future[None]) -> None:
            self._reactor.callFromThread(stopped.callback, None)

        self._server.stop().add_done_callback(server_stopped)
        self._server = None
        return stopped.addCallback(self._log_counts)

    def _call_ended(self, ended: EndedCall) -> None:
        self._log.debug(
            "upstream call {number}: {model}, {pieces} pieces in {seconds:.3f}s, {outcome}",
            number=ended.number,
            model=ended.model,
            pieces=ended.pieces,
            seconds=ended.seconds,
            outcome=ended.outcome,
        )

    def _log_counts(self, _: None) -> None:
        self._log.info(
            "Embedded upstream stopped after {counts.opened} calls: {counts.finished} finished, "
            "{counts.failed} failed, {counts.cancelled} cancelled",
            counts=self.counts,
        )


def make_model(
    *,
    echo_delay_seconds: float,
    relay_base_url: str | None,
    relay_api_key: str | None,
    relay_model_map: Mapping[str, str],
    reactor: Any,
) -> Model:
    """The relay where there is a server to relay to, the demonstration model
    otherwise. Names are those of the settings."""
    if relay_base_url is None:
        return EchoModel(echo_delay_seconds)
    # treq takes a quarter of a second to import, which most never need.
    from piecesd.embedded.relay import RelayModel

    return RelayModel(
        base_url=relay_base_url,
        api_key=relay_api_key,
        model_map=relay_model_map,
        reactor=reactor,
    )
