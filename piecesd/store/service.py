"""The store as the rest sees it: what waits for the disk is done on a thread."""

import sqlite3
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from piecesd.errors import StoreUnavailable
from piecesd.store.file import NoRoom, ResponseFile, StoredResponse

T = TypeVar("T")

SWEEP_INTERVAL_SECONDS = 3600.0

LATE_SECONDS = 0.2
"""A response that another process has just sent is stored by then."""

RunInThread = Callable[..., Deferred[Any]]
"""Calls a function with arguments on another thread, for its outcome."""


class ResponseStore(Service):
    """Every method raises StoreUnavailable where the store can't be used; the log
    says why. What is asked for is done in the order of the asking.

    :param threads: one thread; started and stopped here.
    :param is_shared: other processes use the file, too.
    """

    name = "store"
    _log: ClassVar = Logger()

    def __init__(
        self,
        file: ResponseFile,
        *,
        threads: ThreadPool,
        run_in_thread: RunInThread,
        clock: IReactorTime,
        is_shared: bool = False,
    ) -> None:
        self._file = file
        self._threads = threads
        self._run_in_thread = run_in_thread
        self._clock = clock
        self._is_shared = is_shared
        self._sweeping = LoopingCall(self._sweep)
        self._sweeping.clock = clock

    def startService(self) -> None:
        """:raises CantOpen: the file can't be used."""
        super().startService()
        self._file.open()
        self._threads.start()
        self._sweeping.start(SWEEP_INTERVAL_SECONDS, now=False)

    def stopService(self) -> None:
        """Finish what was asked for, and close the file."""
        super().stopService()
        if self._sweeping.running:
            self._sweeping.stop()
        self._threads.stop()
        self._file.close()

    async def save(self, record: StoredResponse) -> None:
        await self._ask("save a response", self._file.save, record)

    async def find(self, response_id: str, holder: str) -> StoredResponse | None:
        """See `ResponseFile.find`."""
        return await self._find(self._file.find, response_id, holder)

    async def find_by_item(self, item_id: str, holder: str) -> StoredResponse | None:
        """See `ResponseFile.find_by_item`."""
        return await self._find(self._file.find_by_item, item_id, holder)

    async def delete(self, response_id: str, holder: str) -> bool:
        """See `ResponseFile.delete`."""
        return await self._ask("delete a response", self._file.delete, response_id, holder)

    async def _find(
        self,
        find: Callable[[str, str], StoredResponse | None],
        wanted_id: str,
        holder: str,
    ) -> StoredResponse | None:
        found = await self._ask("find a response", find, wanted_id, holder)
        if found is None and self._is_shared:
            # Its client may have been quicker than the process that stores it.
            await deferLater(self._clock, LATE_SECONDS)
            found = await self._ask("find a response", find, wanted_id, holder)
        return found

    async def _ask(self, what: str, work: Callable[..., T], *arguments: object) -> T:
        try:
            outcome: T = await self._run_in_thread(work, *arguments)
        except (sqlite3.Error, NoRoom) as error:
            self._log.error("Can't {what}: {error}", what=what, error=str(error))
            raise StoreUnavailable(retry_after_seconds=1) from None
        return outcome

    async def _sweep_once(self) -> None:
        try:
            await self._ask("do away with old responses", self._file.sweep)
        except CancelledError:
            raise
        except StoreUnavailable:
            pass  # the log has it, and there is a next time

    def _sweep(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._sweep_once())
