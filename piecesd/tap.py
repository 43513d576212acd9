"""``twistd pieces``: the options, and the one place that wires the parts."""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python import usage

from piecesd.access.tap import build as build_access
from piecesd.catalog import Catalog, CatalogError
from piecesd.completion.budget import RetryBudget
from piecesd.completion.completion import CompletionSettings
from piecesd.completion.counting import TokenCounts
from piecesd.completion.deadlines import StreamLimits
from piecesd.completion.service import Completions
from piecesd.config import (
    Config,
    ConfigError,
    UpstreamAddress,
    given_options,
    is_loopback,
    load,
    option_flags,
    option_parameters,
)
from piecesd.daemon import Daemon, ProcessSettings
from piecesd.embedded.service import EmbeddedUpstreamService
from piecesd.embedded.tap import build as build_embedded
from piecesd.families import FAMILIES
from piecesd.http.app import Api
from piecesd.http.listening import Listeners, Listening
from piecesd.http.settings import HttpSettings
from piecesd.http.site import ApiSite
from piecesd.logs import Console, LogService
from piecesd.metrics.figures import LiveFigures
from piecesd.metrics.tap import build as build_metrics
from piecesd.process import connections_that_fit, daemon_threads
from piecesd.ratelimits.tap import build as build_limiter
from piecesd.ratelimits.tap import limit_settings
from piecesd.signals import SignalActions
from piecesd.upstream.bridge import Bridge
from piecesd.upstream.channels import ChannelPool, connector
from piecesd.upstream.client import GrpcUpstream, stub_maker
from piecesd.upstream.endpoints import Endpoint, Endpoints
from piecesd.upstream.service import UpstreamService
from piecesd.version import Build, read_build

_log = Logger()

_TWISTD_LOG_FILE = Path("twistd.log")


class Options(usage.Options):
    """Every setting as an option; options win over the environment."""

    longdesc = "Serves the OpenAI HTTP API from gRPC inference services."
    optFlags = option_flags()
    optParameters = [  # noqa: RUF012 Twisted reads it as it is
        ["env-file", "e", None, "Read settings from this file. [default: .env, if there is one]"],
        *option_parameters(),
    ]

    config: Config
    catalog: Catalog

    def opt_version(self) -> None:
        """Print the version, build time and commit."""
        print(read_build())  # noqa: T201
        raise SystemExit(0)

    def postOptions(self) -> None:
        """Read the settings and the catalogue.

        :raises SystemExit: one can't be used; one line says which and why.
        """
        env_file = self["env-file"]
        try:
            self.config = load(
                os.environ, Path(env_file) if env_file else None, given_options(self)
            )
            self.catalog = _load_catalog(self.config)
        except ConfigError as error:
            raise SystemExit(f"piecesd: {error}") from None


def _load_catalog(config: Config) -> Catalog:
    if config.models_file is None:
        catalog = Catalog.built_in()
    else:
        try:
            catalog = Catalog.load(config.models_file)
        except CatalogError as error:
            raise ConfigError(f"MODELS_FILE={str(config.models_file)!r}: {error}") from None
    if config.default_model and catalog.find(config.default_model) is None:
        raise ConfigError(
            f"DEFAULT_MODEL={config.default_model!r} can't be used; allowed is a model of the "
            "catalogue"
        )
    return catalog


def makeService(options: Options) -> Daemon:
    """The daemon that ``options`` describe; nothing of it has started yet."""
    from twisted.internet import reactor

    return build(options.config, options.catalog, reactor, parent=options.parent or {})


def build(config: Config, catalog: Catalog, reactor: Any, *, parent: Mapping[str, Any]) -> Daemon:
    """Wire a daemon.

    :param parent: twistd's own options, for whether it stays in the foreground
        and where it would log.
    """
    build_record = read_build()
    logs = _logs(config, reactor, parent)
    embedded = None if _addresses(config) else build_embedded(config, reactor)
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
    completions = Completions(
        catalog=catalog,
        upstreams=_clients(config, services, bridge),
        default_model=config.default_model or None,
        settings=_completion_settings(config),
        counts=TokenCounts(partial(deferToThreadPool, reactor, counting_threads)),
        budget=RetryBudget(config.retry_budget_percent, reactor.seconds),
        clock=reactor,
    )
    http_settings = _http_settings(config)
    metrics = build_metrics(
        config,
        reactor,
        model_ids=[model.id for model in catalog.models],
        figures=lambda: _live_figures(upstreams, site, api),
        http_settings=http_settings,
        version=build_record.version,
    )
    gate, ban_service = build_access(
        config,
        reactor,
        shared_directory=os.environ.get("PIECESD_SHARED_DIRECTORY"),
        count_event=metrics.count_event,
    )
    limiter, limit_services = build_limiter(config, reactor, os.environ)
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
    )
    site = ApiSite(api, reactor, metrics.count_request)
    listeners = Listeners(
        reactor,
        site,
        endpoints=config.listen,
        host=config.host,
        port=config.port,
        path=config.api_prefix,
    )
    return Daemon(
        reactor,
        ProcessSettings(
            cpu_affinity=config.cpu_affinity,
            time_zone=config.time_zone,
            drain_timeout_seconds=config.drain_timeout_seconds,
        ),
        observer=None if parent.get("syslog") or parent.get("logger") else logs,
        parts=[
            logs,
            SignalActions(reactor, _signal_actions(logs, listeners)),
            ban_service,
            *([embedded] if embedded is not None else []),
            upstreams,
            *metrics.parts,
            *limit_services,
        ],
        site=site,
        listen=listeners.open,
        announce=partial(announce, config, build_record, embedded),
    )


def _signal_actions(
    logs: LogService, listeners: Listeners
) -> dict[signal.Signals, list[Callable[[], None]]]:
    """What to look at anew. Where there is nothing, SIGHUP ends the daemon, as
    when its terminal is closed; SIGUSR1 never does."""
    on_hangup: list[Callable[[], None]] = []
    if logs.has_file:
        on_hangup.append(logs.reopen)
    if listeners.have_certificates:
        on_hangup.append(listeners.reload_certificates)
    return {signal.SIGHUP: on_hangup, signal.SIGUSR1: [logs.reopen]}


def _logs(config: Config, reactor: Any, parent: Mapping[str, Any]) -> LogService:
    """The log, and where twistd's own options send it.

    In the foreground it goes to the console. A daemon that has left it and has
    no LOG_FILE writes what would have been twistd's file.
    """
    foreground = bool(parent.get("nodaemon", True))
    path = config.log_file
    twistd_file = parent.get("logfile")
    if path is None and twistd_file != "-" and (twistd_file or not foreground):
        path = Path(twistd_file or _TWISTD_LOG_FILE)
    return LogService(
        clock=reactor,
        console=Console.of_process() if foreground else Console(None),
        path=path,
        format=config.log_format,
        max_bytes=config.log_max_bytes,
        max_age_seconds=config.log_max_age_seconds,
        keep=config.log_keep,
        debug=config.debug,
        secrets=config.secret_texts,
    )


def _addresses(config: Config) -> dict[str, tuple[UpstreamAddress, ...]]:
    """The configured addresses by family; a family without one is left out."""
    by_family = {"gpt": config.gpt_addresses, "vertex": config.vertex_addresses}
    return {family: addresses for family, addresses in by_family.items() if addresses}


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
        for family, addresses in _addresses(config).items()
    }


def _clients(
    config: Config, services: Mapping[str, Endpoints], bridge: Bridge
) -> dict[str, GrpcUpstream]:
    token = config.grpc_auth_token
    # Only ever sent over TLS: the configuration refuses it otherwise, and the
    # embedded upstream, which needs none, is not to see it.
    metadata = (("authorization", f"Bearer {token}"),) if token and _addresses(config) else ()
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
        ignore_unsupported_params=config.unsupported_params == "ignore",
        cors_origins=config.cors_origins,
        max_body_bytes=config.max_body_bytes,
        max_concurrent_requests=config.max_concurrent_requests,
        max_connections=connections_that_fit(config.max_connections),
        header_timeout_seconds=config.header_timeout_seconds,
        body_timeout_seconds=config.body_timeout_seconds,
        keepalive_timeout_seconds=config.keepalive_timeout_seconds,
    )


def _live_figures(upstreams: UpstreamService, site: ApiSite, api: Api) -> LiveFigures:
    return LiveFigures(
        pools=upstreams.figures(),
        open_connections=len(site.connections),
        running_requests=api.running.count,
        draining=site.draining,
    )


def announce(
    config: Config,
    build_record: Build,
    embedded: EmbeddedUpstreamService | None,
    listening: Sequence[Listening],
) -> None:
    """Log what runs here, and where."""
    _log.info("{build}", build=str(build_record))
    _log.info("Listening on {urls}", urls=", ".join(each.url for each in listening))
    addresses = _addresses(config)
    for family in FAMILIES:
        if embedded is not None:
            where = f"{_embedded_address(embedded)}, embedded ({embedded.model_name})"
        elif family in addresses:
            where = ", ".join(map(str, addresses[family]))
        else:
            where = "none, its models are not served"
        _log.info("{family} upstream: {where}", family=family, where=where)
    if (limits := limit_settings(config)).any:
        _log.info("Rate limits: {limits}", limits=str(limits))
    for each in listening:
        if not config.api_keys and each.host is not None and not is_loopback(each.host):
            _log.warn(
                "No API_KEY is set, and {host} is open to others: anybody who reaches it can use "
                "it",
                host=f"[{each.host}]" if ":" in each.host else each.host,
            )
