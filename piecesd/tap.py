"""The one place that wires the parts of a process that serves.

`piecesd.plugin` has the options and decides whether it is the only process or
one of several workers.
"""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from piecesd.access.tap import build as build_access
from piecesd.catalog import Catalog
from piecesd.completion.budget import RetryBudget
from piecesd.completion.completion import CompletionSettings
from piecesd.completion.counting import TokenCounts
from piecesd.completion.deadlines import StreamLimits
from piecesd.completion.service import Completions
from piecesd.config import Config, UpstreamAddress
from piecesd.daemon import CantStart, Daemon, Ending, ProcessSettings
from piecesd.embedded.service import EmbeddedUpstreamService
from piecesd.embedded.tap import build as build_embedded
from piecesd.families import FAMILIES
from piecesd.http.app import AllWorkers, Api
from piecesd.http.listening import Listeners
from piecesd.http.settings import HttpSettings
from piecesd.http.site import ApiSite
from piecesd.http.sockets import ListeningSocket, adopt_sockets, open_sockets
from piecesd.logs import LogService
from piecesd.metrics.figures import LiveFigures
from piecesd.metrics.tap import BuiltMetrics
from piecesd.metrics.tap import build as build_metrics
from piecesd.process import connections_that_fit, daemon_threads
from piecesd.ratelimits.tap import build as build_limiter
from piecesd.ratelimits.tap import limit_settings
from piecesd.shared.directory import shared_directory
from piecesd.signals import SignalActions
from piecesd.stats import FinishedRequest
from piecesd.store.tap import build as build_store
from piecesd.systemd import Notifier
from piecesd.tokens import DamagedVocabulary
from piecesd.upstream.bridge import Bridge
from piecesd.upstream.channels import ChannelPool, connector
from piecesd.upstream.client import GrpcUpstream, stub_maker
from piecesd.upstream.endpoints import Endpoint, Endpoints
from piecesd.upstream.service import UpstreamService
from piecesd.version import Build, read_build
from piecesd.wiring import addresses, announce, announce_hosted, log_service
from piecesd.workers.control import Control
from piecesd.workers.place import Place
from piecesd.workers.turns import Turns

if TYPE_CHECKING:
    from piecesd.asgi.service import HostedService

_log = Logger()


def build(
    config: Config,
    catalog: Catalog,
    reactor: Any,
    *,
    parent: Mapping[str, Any],
    place: Place | None = None,
) -> Daemon:
    """Wire a daemon.

    :param parent: twistd's own options, for whether it stays in the foreground
        and where it would log.
    :param place: of this process among several workers; None where it is the
        only one, and opens its sockets itself.
    """
    ending = Ending(reactor, signals_hurry=place is None)
    notifier = Notifier.of_process(os.environ, reactor)
    control = None if place is None else Control(place, ending, reactor)
    logs = log_service(config, reactor, parent, lock_path=place.log_lock_path if place else None)
    serving = _serving(
        config, catalog, reactor, all_workers=control.all_workers if control else None
    )
    site = serving.site
    listeners = Listeners(reactor, site, config.api_endpoints)
    daemon = Daemon(
        reactor,
        ProcessSettings(
            cpu_affinity=config.cpu_affinity,
            time_zone=config.time_zone,
            drain_timeout_seconds=config.drain_timeout_seconds,
            worker=place.number if place else None,
        ),
        observer=None if parent.get("syslog") or parent.get("logger") else logs,
        parts=[
            logs,
            SignalActions(reactor, _signal_actions(logs, listeners, notifier)),
            notifier,
            *([control] if control is not None else []),
            *serving.parts,
        ],
        site=site,
        listeners=listeners,
        listen=partial(_listen, config, place, listeners, serving.metrics.listeners),
        announce=(
            partial(_announce, config, serving, notifier) if control is None else control.announce
        ),
        ending=ending,
    )
    if control is not None:
        control.serve(serving.api.status, daemon.retire)
    return daemon


def build_hosted(config: Config, catalog: Catalog, reactor: Any) -> "HostedService":
    """Wire what serves without a port, in a process that is somebody else's."""
    from piecesd.asgi.channel import HostedSite  # a daemon has no use for these
    from piecesd.asgi.service import HostedService

    logs = log_service(config, reactor, {})
    serving = _serving(config, catalog, reactor, site_type=HostedSite)
    return HostedService(
        site=serving.site,
        observer=logs,
        parts=[logs, *serving.parts],
        drain_timeout_seconds=config.drain_timeout_seconds,
        announce=partial(_announce_hosted, config, serving),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Serving:
    """What answers requests, wherever they come from.

    ``parts``: in the order of their start.
    """

    build_record: Build
    api: Api
    site: ApiSite
    embedded: EmbeddedUpstreamService | None
    metrics: BuiltMetrics
    parts: Sequence[Service]

    @property
    def embedded_name(self) -> str | None:
        """Where the embedded upstream is, for people; None where there is none."""
        if self.embedded is None:
            return None
        return f"{_embedded_address(self.embedded)}, embedded ({self.embedded.model_name})"


def _serving(
    config: Config,
    catalog: Catalog,
    reactor: Any,
    *,
    site_type: type[ApiSite] = ApiSite,
    all_workers: AllWorkers | None = None,
) -> _Serving:
    build_record = read_build()
    shared = shared_directory(os.environ)
    embedded = None if addresses(config) else build_embedded(config, reactor)
    bridge_threads = daemon_threads("bridge", config.bridge_threads)
    counting_threads = daemon_threads("counting", 1)
    bridge = Bridge(
        reactor.callFromThread, bridge_threads, max_streams=config.bridge_threads, clock=reactor
    )
    services = _services(config, reactor, embedded)
    upstreams = UpstreamService(
        services,
        bridge,
        (bridge_threads, counting_threads),
        scale_interval_seconds=config.scale_interval_seconds,
        health_check_interval_seconds=config.health_check_interval_seconds,
        clock=reactor,
    )
    run_in_thread = partial(deferToThreadPool, reactor, counting_threads)
    completions = Completions(
        catalog=catalog,
        upstreams=_clients(config, services, bridge),
        default_model=config.default_model or None,
        settings=_completion_settings(config),
        counts=TokenCounts(run_in_thread),
        budget=RetryBudget(config.retry_budget_percent, reactor.seconds),
        clock=reactor,
        run_in_thread=run_in_thread,
        emulates_tools=config.tools == "emulate",
    )
    http_settings = _http_settings(config)
    metrics = build_metrics(
        config,
        reactor,
        shared_directory=shared,
        model_ids=[model.id for model in catalog.models],
        figures=lambda: _live_figures(upstreams, site, api),
        http_settings=http_settings,
        version=build_record.version,
    )
    gate, ban_service = build_access(
        config,
        reactor,
        shared_directory=shared,
        count_event=metrics.count_event,
    )
    limiter, limit_services = build_limiter(
        config, reactor, shared_directory=shared, count_refusal=metrics.count_limited
    )
    store = build_store(config, reactor, shared_directory=shared)
    api = Api(
        completions=completions,
        settings=http_settings,
        clock=reactor,
        version=build_record.version,
        pool_figures=upstreams.figures,
        readiness=upstreams.readiness,
        metrics=metrics.endpoint,
        gate=gate,
        limiter=limiter,
        store=store,
        all_workers=all_workers,
    )

    def count_finished(request: FinishedRequest) -> None:
        metrics.count_request(request)
        api.count_finished(request)

    site = site_type(api, reactor, count_finished)
    return _Serving(
        build_record=build_record,
        api=api,
        site=site,
        embedded=embedded,
        metrics=metrics,
        parts=[
            ban_service,
            *([embedded] if embedded is not None else []),
            upstreams,
            *([_Preload(completions)] if config.preload_vocabularies else []),
            *metrics.parts,
            *limit_services,
            *([store] if store is not None else []),
        ],
    )


class _Preload(Service):
    """Loads the vocabularies when the daemon starts."""

    def __init__(self, completions: Completions) -> None:
        self._completions = completions

    def startService(self) -> None:
        super().startService()
        try:
            self._completions.load_vocabularies()
        except DamagedVocabulary as error:
            raise CantStart(f"piecesd: can't start: {error}") from None


def _signal_actions(
    logs: LogService, listeners: Listeners, notifier: Notifier
) -> dict[signal.Signals, list[Callable[[], None]]]:
    """What to look at anew. Where there is nothing, SIGHUP ends the daemon, as
    when its terminal is closed; SIGUSR1 never does."""
    on_hangup: list[Callable[[], None]] = []
    if logs.has_file:
        on_hangup.append(logs.reopen)
    if listeners.have_certificates:
        on_hangup.append(listeners.reload_certificates)
    return {signal.SIGHUP: notifier.around(on_hangup), signal.SIGUSR1: [logs.reopen]}


def _listen(
    config: Config, place: Place | None, api: Listeners, metrics: Listeners | None
) -> Sequence[ListeningSocket]:
    """Have both accept, from sockets of this process or of its supervisor."""
    api.read_certificates()
    if place is None:
        sockets, turns = open_sockets(config.endpoints), None
    else:
        sockets = adopt_sockets(config.endpoints, place.listening_fds)
        turns = Turns(place.turns_path, place.number, config.workers)
    api_count = len(config.api_endpoints)
    api.accept(sockets[:api_count], turns)
    if metrics is not None:
        # Seldom asked, and by whomever: the pages are the same.
        metrics.accept(sockets[api_count:])
    return sockets


def _embedded_address(embedded: EmbeddedUpstreamService) -> UpstreamAddress:
    return UpstreamAddress(host=embedded.host, port=embedded.port, tls=False)


def _services(
    config: Config, reactor: Any, embedded: EmbeddedUpstreamService | None
) -> dict[str, Endpoints]:
    """Each family's service, with a pool of channels to each of its addresses."""

    def endpoint(family: str, name: str, weight: int, connect: Callable[[], Any]) -> Endpoint:
        pool = ChannelPool(
            f"{family} {name}",
            connect,
            stub_maker(FAMILIES[family]),
            minimum=config.min_pool_size,
            maximum=config.max_pool_size,
            clock=reactor,
        )
        return Endpoint(name, weight, pool, reactor)

    if embedded is not None:
        # Its port is known once it has started.
        def connect() -> Any:
            return connector(_embedded_address(embedded), None)()

        return {
            family: Endpoints([endpoint(family, "embedded", 1, connect)]) for family in FAMILIES
        }
    return {
        family: Endpoints(
            [
                endpoint(
                    family,
                    str(address),
                    address.weight,
                    connector(address, config.grpc_ca_file),
                )
                for address in addresses
            ]
        )
        for family, addresses in addresses(config).items()
    }


def _clients(
    config: Config, services: Mapping[str, Endpoints], bridge: Bridge
) -> dict[str, GrpcUpstream]:
    token = config.grpc_auth_token
    # Only ever sent over TLS: the configuration refuses it otherwise, and the
    # embedded upstream, which needs none, is not to see it.
    metadata = (("authorization", f"Bearer {token}"),) if token and addresses(config) else ()
    return {
        family: GrpcUpstream(FAMILIES[family], endpoints, bridge, metadata=metadata)
        for family, endpoints in services.items()
    }


def _completion_settings(config: Config) -> CompletionSettings:
    return CompletionSettings(
        max_retries=config.max_retries,
        timeout_seconds=config.timeout_seconds,
        stream_limits=StreamLimits(
            first_piece_seconds=config.timeout_seconds,
            idle_seconds=config.stream_idle_timeout_seconds,
            total_seconds=config.stream_timeout_seconds,
        ),
    )


def _http_settings(config: Config) -> HttpSettings:
    return HttpSettings(
        api_prefix=config.api_prefix,
        api_keys=config.api_keys,
        admin_key=config.admin_key,
        enable_model_route=config.enable_model_route,
        enable_ollama_api=config.enable_ollama_api,
        ignore_unsupported_params=config.unsupported_params == "ignore",
        cors_origins=config.cors_origins,
        max_body_bytes=config.max_body_bytes,
        max_body_memory_bytes=config.max_body_memory_bytes,
        max_concurrent_requests=_share(config, config.max_concurrent_requests),
        max_connections=connections_that_fit(_share(config, config.max_connections)),
        header_timeout_seconds=config.header_timeout_seconds,
        body_timeout_seconds=config.body_timeout_seconds,
        keepalive_timeout_seconds=config.keepalive_timeout_seconds,
        sse_keepalive_seconds=config.sse_keepalive_seconds,
    )


def _share(config: Config, total: int) -> int:
    """What each worker may have of ``total``, a bound of the whole daemon."""
    return ceil(total / config.workers)


def _live_figures(upstreams: UpstreamService, site: ApiSite, api: Api) -> LiveFigures:
    return LiveFigures(
        pools=upstreams.figures(),
        open_connections=len(site.connections),
        running_requests=api.running.count,
        draining=site.draining,
    )


def _announce(
    config: Config,
    serving: _Serving,
    notifier: Notifier,
    sockets: Sequence[ListeningSocket],
) -> None:
    """Say what runs here, and where: in the log, and to whoever has started it."""
    announce(config, serving.build_record, sockets, embedded=serving.embedded_name)
    _announce_limits(config)
    notifier.ready(f"Listening on {', '.join(each.url(config.api_prefix) for each in sockets)}")


def _announce_hosted(config: Config, serving: _Serving) -> None:
    """The same, where something else listens, and nobody is told."""
    announce_hosted(config, serving.build_record, embedded=serving.embedded_name)
    _announce_limits(config)


def _announce_limits(config: Config) -> None:
    if (limits := limit_settings(config)).any:
        _log.info("Rate limits: {limits}", limits=str(limits))
