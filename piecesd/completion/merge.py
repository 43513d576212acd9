"""Several streamed choices as one stream of events."""

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from piecesd.chat import ChatEvent


class EventSource(Protocol):
    """What has events, to be waited for by one at a time, and an end."""

    def is_finished(self) -> bool: ...
    async def next_events(self) -> list[ChatEvent]: ...
    def cancel(self) -> None: ...


class MergedChoices:
    """Hands out the events of whichever choices have some, in each one's order."""

    def __init__(self, choices: Sequence[EventSource]) -> None:
        self._choices = choices
        self._waiting: set[EventSource] = set()
        self._arrived: list[list[ChatEvent] | Failure] = []
        self._woken: Deferred[None] | None = None

    def is_finished(self) -> bool:
        """Whether every choice's last event has been handed out."""
        return not self._arrived and all(choice.is_finished() for choice in self._choices)

    async def next_events(self) -> list[ChatEvent]:
        """What has come, which is at least one event unless a source ended without one."""
        for choice in self._choices:
            if not choice.is_finished() and choice not in self._waiting:
                self._waiting.add(choice)
                turn = Deferred.fromCoroutine(choice.next_events())
                turn.addBoth(self._arrive, choice)
        if not self._arrived:
            self._woken = Deferred()
            await self._woken
        arrived, self._arrived = self._arrived, []
        events: list[ChatEvent] = []
        for result in arrived:
            if isinstance(result, Failure):
                result.raiseException()
            else:
                events += result
        return events

    def cancel(self) -> None:
        """End every choice's call. Idempotent."""
        for choice in self._choices:
            choice.cancel()

    def _arrive(self, result: list[ChatEvent] | Failure, choice: EventSource) -> None:
        self._waiting.discard(choice)
        self._arrived.append(result)
        woken, self._woken = self._woken, None
        if woken is not None:
            woken.callback(None)
