"""Wires the store of responses."""

from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThreadPool

from piecesd.config import Config
from piecesd.process import daemon_threads
from piecesd.store.file import ResponseFile, StoreLimits
from piecesd.store.service import ResponseStore

_SHARED_STORE = "responses.sqlite"


def build(config: Config, reactor: Any, *, shared_directory: Path | None) -> ResponseStore | None:
    """The store; None where there is to be none.

    :param shared_directory: where the workers of one daemon keep it if the
        settings name no file.
    """
    if config.store == "off":
        return None
    path = None if config.store == "memory" else config.store
    if path is None and shared_directory is not None:
        path = shared_directory / _SHARED_STORE
    limits = StoreLimits(
        max_responses=config.store_max_responses,
        max_bytes=config.store_max_bytes,
        max_age_seconds=config.store_max_age_seconds,
    )
    threads = daemon_threads("store", 1)
    return ResponseStore(
        ResponseFile(path, limits, reactor.seconds),
        threads=threads,
        run_in_thread=partial(deferToThreadPool, reactor, threads),
        clock=reactor,
        is_shared=shared_directory is not None,
    )
