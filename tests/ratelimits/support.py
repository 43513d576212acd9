"""Tallies on a clock that tests advance, and what is logged meanwhile."""

from typing import cast

from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from piecesd.ratelimits.storage import TableStorage
from piecesd.ratelimits.tally import Tally
from piecesd.shared.tables import MemoryTable

START_SECONDS = 1_700_000_040.0
"""The begin of a minute, so that a window of a minute begins here."""


def clock_at(seconds: float = START_SECONDS) -> Clock:
    clock = Clock()
    clock.advance(seconds)
    return clock


def memory_tally(clock: Clock) -> Tally:
    return Tally(TableStorage(MemoryTable(clock.seconds), clock.seconds), clock.seconds)


def recorded_messages(case: SynchronousTestCase) -> list[str]:
    """What is logged from now to the end of a test, as it comes."""
    messages: list[str] = []

    def observe(event: LogEvent) -> None:
        messages.append(formatEvent(event))

    observer = cast(ILogObserver, observe)
    globalLogPublisher.addObserver(observer)
    case.addCleanup(globalLogPublisher.removeObserver, observer)
    return messages
