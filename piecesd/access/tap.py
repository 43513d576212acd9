"""Wires the gate and what keeps its bans."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool

from piecesd.access.ban_file import BanFile
from piecesd.access.bans import Ban, BanList
from piecesd.access.client import TrustedProxies
from piecesd.access.gate import Gate
from piecesd.access.networks import LOOPBACK, Networks
from piecesd.access.service import BanService
from piecesd.access.shared_violations import SharedCounts
from piecesd.access.violations import BanRules, Violations
from piecesd.config import Config
from piecesd.process import daemon_threads

_SHARED_BANS = "bans"
_SHARED_VIOLATIONS = "violations.sqlite"


def build(
    config: Config,
    reactor: Any,
    *,
    shared_directory: Path | None,
    count_event: Callable[[str], None],
) -> tuple[Gate, BanService]:
    """The gate, and the service that keeps its bans.

    :param count_event: called with ``ban`` for each ban that violations led to.
    :param shared_directory: where the workers of one daemon share what they
        count; there the bans are kept if the settings name no file.
    """
    proxies = [proxy for proxy in config.trusted_proxies if proxy != "unix"]
    bans = BanList(reactor.seconds, Networks((*LOOPBACK, *proxies)))
    path = config.blacklist_file
    if path is None and shared_directory is not None:
        path = shared_directory / _SHARED_BANS
    threads = daemon_threads("bans", 1)
    service = BanService(
        bans,
        None if path is None else BanFile(path),
        threads=threads,
        run_in_thread=partial(deferToThreadPool, reactor, threads),
        clock=reactor,
    )

    def banned(ban: Ban) -> None:
        service.log_ban(ban)
        count_event("ban")

    gate = Gate(
        reactor.seconds,
        proxies=TrustedProxies(
            proxies, unix="unix" in config.trusted_proxies, secret=config.proxy_secret
        ),
        bans=bans,
        violations=_violations(_rules(config), reactor.seconds, shared_directory),
        allow=Networks(config.ip_allow),
        deny=Networks(config.ip_deny),
        banned=banned,
    )
    return gate, service


def _violations(
    rules: BanRules, seconds: Callable[[], float], shared_directory: Path | None
) -> Violations:
    if shared_directory is None:
        return Violations(rules, seconds)
    path = shared_directory / _SHARED_VIOLATIONS
    return Violations(rules, seconds, SharedCounts(rules, seconds, path))


def _rules(config: Config) -> BanRules:
    return BanRules(
        mode=config.blacklist_mode,
        threshold=config.blacklist_threshold,
        window_seconds=config.blacklist_window_seconds,
        duration_seconds=config.blacklist_duration_seconds,
        ipv4_prefix_bits=config.ipv4_mask,
        ipv6_prefix_bits=config.ipv6_mask,
    )
