"""Starts what serves in the running loop, and stops it again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.internet.error import ReactorAlreadyInstalledError

from piecesd.asgi.reactor import HostedReactor, install
from piecesd.config import ConfigError, load
from piecesd.daemon import CantStart
from piecesd.plugin import load_catalog

if TYPE_CHECKING:
    from piecesd.asgi.service import HostedService
    from piecesd.http.site import ApiSite

_NOT_OURS: Mapping[str, str] = {
    # Who reaches the server is not known, so it may be anybody.
    "HOST": "0.0.0.0",  # noqa: S104 nothing listens there
    "LISTEN": "",
    "METRICS_LISTEN": "",
    "WORKERS": "1",
    "LOG_FILE": "",
}
"""Settings that the server has in our place."""


class CantRun(RuntimeError):
    """It can't be started; the text is one line that says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """All that serves."""

    site: ApiSite
    service: HostedService
    reactor: HostedReactor

    async def stop(self) -> None:
        """Let requests finish, then end everything."""
        await self.service.stopService().asFuture(asyncio.get_running_loop())
        await self.reactor.end()


def start(environ: Mapping[str, str]) -> Running:
    """Start, once in a process: a reactor can't be started again.

    Blocks for about a second, most of it for imports.

    :raises CantRun: a setting can't be used, a part can't start, or the process
        has a reactor already.
    """
    try:
        config = load(environ, None, _NOT_OURS)
        catalog = load_catalog(config)
        reactor = install(asyncio.get_running_loop())
        # Not before: it imports Klein, which imports the reactor.
        from piecesd import tap

        reactor.begin()
        service = tap.build_hosted(config, catalog, reactor)
        service.startService()
    except ReactorAlreadyInstalledError:
        raise CantRun("piecesd: this process has a Twisted reactor already") from None
    except CantStart as error:
        raise CantRun(str(error)) from None
    except (ConfigError, OSError) as error:
        raise CantRun(f"piecesd: {error}") from None
    return Running(site=service.site, service=service, reactor=reactor)
