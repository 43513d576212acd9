"""``twistd pieces-upstream``: the embedded upstream as a daemon of its own."""

import os
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.python import usage

from piecesd.config import (
    SETTINGS,
    Config,
    ConfigError,
    given_options,
    load,
    option_flags,
    option_parameters,
)
from piecesd.daemon import CantStart, Ending
from piecesd.embedded.server import LOOPBACK
from piecesd.embedded.service import EmbeddedUpstreamService, make_model
from piecesd.version import read_build

_SETTINGS = tuple(each for each in SETTINGS if each.section == "Embedded upstream")
_MAX_PORT = 65_535


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _MAX_PORT:
        raise ValueError(f"a port is a number from 0 to {_MAX_PORT}")
    return port


class Options(usage.Options):
    """Where to listen, and the settings of the embedded upstream."""

    longdesc = (
        "Serves both gRPC inference services with the demonstration model or a relay, for a "
        "piecesd elsewhere to be pointed at by GPT_GRPC_ADDR and VERTEX_GRPC_ADDR."
    )
    optFlags = option_flags(_SETTINGS)
    optParameters = [  # noqa: RUF012 Twisted reads it as it is
        ["port", "p", 0, "Port to listen on; 0 lets the system pick.", _port],
        ["host", None, LOOPBACK, "Address to listen on."],
        ["env-file", "e", None, "Read settings from this file. [default: .env, if there is one]"],
        *option_parameters(_SETTINGS),
    ]

    config: Config

    def opt_version(self) -> None:
        """Print the version, build time and commit."""
        print(read_build())  # noqa: T201
        raise SystemExit(0)

    def postOptions(self) -> None:
        """Read the settings.

        :raises SystemExit: one can't be used; one line says which and why.
        """
        env_file = self["env-file"]
        try:
            self.config = load(
                os.environ, Path(env_file) if env_file else None, given_options(self, _SETTINGS)
            )
        except ConfigError as error:
            raise SystemExit(f"pieces-upstream: {error}") from None


class UpstreamDaemon(Service):
    """The embedded upstream as all that a process does."""

    def __init__(self, upstream: EmbeddedUpstreamService, reactor: Any) -> None:
        self.upstream = upstream
        self._reactor = reactor
        self._ending = Ending(reactor, signals_hurry=False)

    def startService(self) -> None:
        """Serve, and end with status 0 when a signal says so.

        :raises CantStart: the address can't be had; one line says so.
        """
        super().startService()
        try:
            self.upstream.startService()
        except OSError as error:
            raise CantStart(f"pieces-upstream: {error}") from None
        self._reactor.callWhenRunning(self._ending.watch_signals)

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return self.upstream.stopService()


def makeService(options: Options) -> UpstreamDaemon:
    """The service that ``options`` describe; nothing of it has started yet."""
    from twisted.internet import reactor

    upstream = build(options.config, reactor, host=options["host"], port=options["port"])
    return UpstreamDaemon(upstream, reactor)


def build(
    config: Config, reactor: Any, *, host: str = LOOPBACK, port: int = 0
) -> EmbeddedUpstreamService:
    """Wire the embedded upstream; `piecesd.tap` runs one inside the daemon."""
    model = make_model(
        echo_delay_seconds=config.echo_delay_seconds,
        relay_base_url=config.relay_base_url,
        relay_api_key=config.relay_api_key,
        relay_model_map=config.relay_model_map,
        reactor=reactor,
    )
    return EmbeddedUpstreamService(
        model, host=host, port=port, faults=config.upstream_faults, reactor=reactor
    )
