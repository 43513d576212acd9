"""Keeps the bans and their file the same, beside the reactor's thread."""

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from piecesd.access.ban_file import BanFile, Contents, Signature
from piecesd.access.bans import Ban, BanList

SYNC_INTERVAL_SECONDS = 0.5
"""How often the file is looked at, and changes are brought into it."""

RunInThread = Callable[..., Deferred[Any]]
"""Calls a function with arguments on another thread, for its outcome."""


class BanService(Service):
    """Reads the bans at the start; then writes what changes here and takes over
    what other processes, or an editor, change in the file.

    While the file can't be read or written, the bans in memory hold, and it is
    tried again at each look; the log says so once.

    :param file: None keeps them in memory only.
    :param threads: where the disk is waited for; started and stopped here.
    """

    name = "bans"
    _log = Logger()

    def __init__(
        self,
        bans: BanList,
        file: BanFile | None,
        *,
        threads: ThreadPool,
        run_in_thread: RunInThread,
        clock: IReactorTime,
    ) -> None:
        self._bans = bans
        self._file = file
        self._threads = threads
        self._run_in_thread = run_in_thread
        self._clock = clock
        self._signature: Signature = None
        self._syncing: Deferred[None] | None = None
        self._failed = False
        self._loop = LoopingCall(self._tick)
        self._loop.clock = clock

    def startService(self) -> None:
        """:raises OSError: there is a file that can't be read."""
        super().startService()
        if self._file is not None:
            self._adopt(self._file, self._file.read())
            self._threads.start()
        self._loop.start(SYNC_INTERVAL_SECONDS, now=False)

    def stopService(self) -> Deferred[None]:
        """Bring the last changes into the file."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._loop.running:
            self._loop.stop()
        if self._file is None:
            return
        if self._syncing is not None:
            await self._syncing
        if self._bans.is_changed:
            await self._sync(self._file)
        self._threads.stop()

    def log_ban(self, ban: Ban) -> None:
        """Say in the log whom violations have banned."""
        self._log.warn(
            "Banned {address} for {seconds}s: {violations} violations, the last was: {reason}",
            address=ban.address,
            seconds=ban.until_unix - ban.since_unix,
            violations=ban.violations,
            reason=ban.reason,
        )

    def _tick(self) -> None:
        try:
            self._bans.forget_ended()
            if self._file is None:
                self._bans.take_changes()
            elif self._syncing is None and (self._bans.is_changed or self._is_stale(self._file)):
                self._syncing = Deferred.fromCoroutine(self._sync(self._file))
                self._syncing.addBoth(self._synced)
        except Exception:  # the loop would end for good
            self._log.failure("Looking after the bans failed")

    def _synced(self, outcome: Failure | None) -> None:
        self._syncing = None
        if outcome is not None:
            self._log.failure("Looking after the bans failed", outcome)

    def _is_stale(self, file: BanFile) -> bool:
        try:
            return file.signature() != self._signature
        except OSError as error:
            self._report(file, error)
            return False

    async def _sync(self, file: BanFile) -> None:
        """Bring changes into the file, and take over what it holds."""
        changes = self._bans.take_changes()
        try:
            if changes:
                contents = await self._run_in_thread(file.change, changes, self._clock.seconds())
            else:
                contents = await self._run_in_thread(file.read)
        except OSError as error:
            self._bans.give_back(changes)
            self._report(file, error)
            return
        if self._failed:
            self._failed = False
            self._log.info("The bans in {path} are up to date again", path=str(file.path))
        self._adopt(file, contents)

    def _adopt(self, file: BanFile, contents: Contents) -> None:
        self._signature = contents.signature
        self._bans.adopt(contents.bans)
        if contents.skipped_lines:
            self._log.warn(
                "{path}: passed over {count} of its lines, which are no bans",
                path=str(file.path),
                count=contents.skipped_lines,
            )

    def _report(self, file: BanFile, error: OSError) -> None:
        """Say once that the file fails."""
        if not self._failed:
            self._failed = True
            self._log.error(
                "The bans in {path} can't be kept up to date: {reason}",
                path=str(file.path),
                reason=error.strerror or str(error),
            )
