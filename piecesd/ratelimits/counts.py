"""Counts of this machine: in a file that its workers share, or in memory."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from limits.errors import StorageError
from twisted.logger import Logger

from piecesd.ratelimits.policy import Admission, RateLimit
from piecesd.ratelimits.tally import Tally


class Counts(Protocol):
    """Counts requests and tokens. It always has an answer: what can't be
    counted where it should be is counted elsewhere."""

    async def take(
        self, who: str, limits: Sequence[RateLimit], tokens: RateLimit | None
    ) -> Admission:
        """Count a request of ``who``, if it is within all the limits."""

    def spend(self, who: str, limit: RateLimit, amount: int) -> None:
        """Count ``amount`` tokens."""


class LocalCounts:
    """Counts by ``memory``, or by ``shared`` while that works.

    :param shared: of all workers of this machine; None where there is one.
    """

    _log: ClassVar = Logger()

    def __init__(self, memory: Tally, shared: Tally | None) -> None:
        self._memory = memory
        self._shared = shared
        self._failing = False

    async def take(
        self, who: str, limits: Sequence[RateLimit], tokens: RateLimit | None
    ) -> Admission:
        if self._shared is not None:
            try:
                admission = self._shared.take(who, limits, tokens)
            except StorageError as error:
                self._note_failure(error)
            else:
                self._note_success()
                return admission
        return self._memory.take(who, limits, tokens)

    def spend(self, who: str, limit: RateLimit, amount: int) -> None:
        if self._shared is not None:
            try:
                self._shared.spend(who, limit, amount)
            except StorageError as error:
                self._note_failure(error)
            else:
                self._note_success()
                return
        self._memory.spend(who, limit, amount)

    def _note_failure(self, error: StorageError) -> None:
        if not self._failing:
            self._failing = True
            self._log.warn(
                "Rate limits are counted by each worker for itself: the shared file fails: {error}",
                error=str(error),
            )

    def _note_success(self) -> None:
        if self._failing:
            self._failing = False
            self._log.info("Rate limits are counted over all workers again")
