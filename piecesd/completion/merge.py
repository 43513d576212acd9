"""Several streamed choices as one stream of events."""

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from piecesd.chat import ChatEvent
from piecesd.completion.choice import StreamedChoice


class MergedChoices:
    """Hands out the events of whichever choices have some, in each one's order."""

    def __init__(self, choices: Sequence[StreamedChoice]) -> None:
        self._choices = choices
        self._turns: dict[StreamedChoice, Deferred[list[ChatEvent]]] = {}
        self._woken: Deferred[None] | None = None

    async def next_events(self) -> list[ChatEvent]:
        """At least one event; see `StreamedChoice.next_events`."""
        for choice in self._choices:
            if not choice.finished and choice not in self._turns:
                turn = Deferred.fromCoroutine(choice.next_events())
                self._turns[choice] = turn
                turn.addBoth(self._wake)
        if not any(turn.called for turn in self._turns.values()):
            self._woken = Deferred()
            await self._woken
        events: list[ChatEvent] = []
        for choice, turn in tuple(self._turns.items()):
            if turn.called:
                del self._turns[choice]
                events += await turn
        return events

    def cancel(self) -> None:
        """End every choice's call. Idempotent."""
        for choice in self._choices:
            choice.cancel()
        for turn in self._turns.values():
            turn.addErrback(lambda _failure: None)  # the first failure was enough

    def _wake(self, result: Any) -> Any:
        woken, self._woken = self._woken, None
        if woken is not None and not woken.called:
            woken.callback(None)
        return result
