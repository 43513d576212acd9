"""Wires a supervisor; `piecesd.tap` wires each of its workers."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from twisted.application.reactors import getReactorTypes
from twisted.internet.default import install

from piecesd.config import Config
from piecesd.http.listening import read_certificates
from piecesd.http.sockets import ListeningSocket, open_sockets
from piecesd.process import set_time_zone
from piecesd.systemd import Notifier
from piecesd.version import Build, read_build
from piecesd.wiring import addresses, announce, log_path, log_service
from piecesd.workers.place import log_lock_path
from piecesd.workers.process import Program
from piecesd.workers.shared_directory import SharedDirectory
from piecesd.workers.supervisor import Supervisor


def build(
    config: Config, settings: Mapping[str, str], reactor: Any, *, parent: Mapping[str, Any]
) -> Supervisor:
    """Wire a supervisor; nothing of it has started yet.

    :param settings: what ``config`` was read from, by the names of the environment.
    :param parent: twistd's own options.
    """
    set_time_zone(config.time_zone)
    directory = SharedDirectory()
    lock_path = log_lock_path(directory.path)
    return Supervisor(
        reactor,
        config.workers,
        logs=log_service(config, reactor, parent, lock_path=lock_path),
        use_logs=not _twistd_logs(parent),
        listen=partial(open_sockets, config.endpoints),
        check_certificates=partial(read_certificates, config.endpoints),
        have_certificates=any(endpoint.tls for endpoint in config.endpoints),
        directory=directory,
        # twistd changes its directory later; paths in settings count from this one.
        make_program=partial(
            _program, config, settings, _twistd_arguments(reactor, parent), Path.cwd(), parent
        ),
        announce=partial(_announce, config, read_build()),
        notifier=Notifier.of_process(os.environ, reactor),
        drain_timeout_seconds=config.drain_timeout_seconds,
    )


def _program(
    config: Config,
    settings: Mapping[str, str],
    twistd_arguments: list[str],
    directory: Path,
    parent: Mapping[str, Any],
) -> Program:
    path = log_path(config, parent)
    log_file = {} if path is None else {"LOG_FILE": str(path.absolute())}
    return Program(
        environ=dict(os.environ),
        settings={**settings, **log_file},
        twistd_arguments=twistd_arguments,
        directory=directory,
        module_path=[str(directory / each) for each in sys.path],
    )


def _twistd_logs(parent: Mapping[str, Any]) -> bool:
    """Whether logging is left to twistd."""
    return bool(parent.get("syslog") or parent.get("logger"))


def _twistd_arguments(reactor: Any, parent: Mapping[str, Any]) -> list[str]:
    """The options of twistd that are for workers, too."""
    module = type(reactor).__module__
    # Twisted's own choice has to be named to nobody, and looking a name up is
    # a search through all plugins.
    kinds: Iterable[Any] = () if module == install.__module__ else getReactorTypes()
    arguments = [f"--reactor={kind.shortName}" for kind in kinds if kind.moduleName == module]
    if parent.get("syslog"):
        arguments += ["--syslog", f"--prefix={parent.get('prefix') or 'twisted'}"]
    if parent.get("logger"):
        arguments.append(f"--logger={parent['logger']}")
    return arguments


def _announce(config: Config, build_record: Build, sockets: Sequence[ListeningSocket]) -> None:
    embedded = None if addresses(config) else "embedded, one in each worker"
    announce(config, build_record, sockets, embedded=embedded)
