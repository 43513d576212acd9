"""What a process that serves and one that only looks after others have in
common: their log, and what they say at the start."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from piecesd.config import Config, UpstreamAddress, is_loopback
from piecesd.http.sockets import ListeningSocket
from piecesd.logs import Console, FileLock, LogService
from piecesd.version import Build

_log = Logger(namespace="piecesd")

_TWISTD_LOG_FILE = Path("twistd.log")


def log_service(
    config: Config, reactor: Any, parent: Mapping[str, Any], *, lock_path: Path | None = None
) -> LogService:
    """The log, and where twistd's own options send it.

    In the foreground it goes to the console. A daemon that has left it and has
    no LOG_FILE writes what would have been twistd's file.

    :param lock_path: of the lock that the processes share which write this log.
    """
    foreground = bool(parent.get("nodaemon", True))
    return LogService(
        clock=reactor,
        console=Console.of_process() if foreground else Console(None),
        path=log_path(config, parent),
        format=config.log_format,
        max_bytes=config.log_max_bytes,
        max_age_seconds=config.log_max_age_seconds,
        keep=config.log_keep,
        debug=config.debug,
        secrets=config.secret_texts,
        lock=FileLock(lock_path),
    )


def log_path(config: Config, parent: Mapping[str, Any]) -> Path | None:
    """The log file, if there is one; `log_service` says when."""
    twistd_file = parent.get("logfile")
    daemonised = not parent.get("nodaemon", True)
    if config.log_file is None and twistd_file != "-" and (twistd_file or daemonised):
        return Path(twistd_file or _TWISTD_LOG_FILE)
    return config.log_file


def addresses(config: Config) -> dict[str, tuple[UpstreamAddress, ...]]:
    """The configured addresses by family; a family without one is left out."""
    by_family = {"gpt": config.gpt_addresses, "vertex": config.vertex_addresses}
    return {family: configured for family, configured in by_family.items() if configured}


def announce(
    config: Config,
    build_record: Build,
    sockets: Sequence[ListeningSocket],
    *,
    embedded: str | None,
) -> None:
    """Log what runs here, and where.

    :param sockets: those of all endpoints, in their order.
    :param embedded: what to say of the embedded upstream, if there is one.
    """
    api_count = len(config.api_endpoints)
    api_sockets, metrics_sockets = sockets[:api_count], sockets[api_count:]
    _log.info("{build}", build=str(build_record))
    _log.info("Listening on {urls}", urls=", ".join(_urls(api_sockets, config.api_prefix)))
    if metrics_sockets:
        _log.info("Metrics on {urls}", urls=", ".join(_urls(metrics_sockets, "/metrics")))
    _announce_upstreams(config, embedded)
    for host in (each.host for each in api_sockets):
        if not config.api_keys and host is not None and not is_loopback(host):
            _log.warn(
                "No API_KEY is set, and {host} is open to others: anybody who reaches it can use "
                "it",
                host=f"[{host}]" if ":" in host else host,
            )


def announce_hosted(config: Config, build_record: Build, *, embedded: str | None) -> None:
    """Log what runs here, as an application of a server that listens somewhere."""
    _log.info("{build}", build=str(build_record))
    _announce_upstreams(config, embedded)
    if not config.api_keys:
        _log.warn("No API_KEY is set: anybody who reaches this server can use it")


def _announce_upstreams(config: Config, embedded: str | None) -> None:
    configured = addresses(config)
    for family in ("gpt", "vertex"):
        if embedded is not None:
            where = embedded
        elif family in configured:
            where = ", ".join(map(str, configured[family]))
        else:
            where = "none, its models are not served"
        _log.info("{family} upstream: {where}", family=family, where=where)


def _urls(sockets: Sequence[ListeningSocket], path: str) -> list[str]:
    return [each.url(path) for each in sockets]
