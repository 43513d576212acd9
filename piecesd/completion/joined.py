"""Several conversations of one request, as one completion."""

from collections.abc import Sequence
from dataclasses import replace

from twisted.internet.defer import Deferred, FirstError, gatherResults

from piecesd.chat import Answer, ChatEvent, Usage
from piecesd.completion.completion import Completion
from piecesd.completion.merge import MergedChoices
from piecesd.errors import ApiError


class JoinedCompletions:
    """The same as a `Completion`, over several of them: their choices are
    numbered on, and their tokens added up.

    :param choices: how many each of them has.
    """

    def __init__(self, completions: Sequence[Completion], choices: int) -> None:
        first = completions[0]
        self.model_name = first.model_name
        self.figures = first.figures
        self._completions = completions
        self._parts = [
            _Part(completion, index * choices) for index, completion in enumerate(completions)
        ]
        self._merged = MergedChoices(self._parts)
        self._is_over = False

    async def answer(self) -> Answer:
        """See `Completion.answer`."""
        waiting = [Deferred.fromCoroutine(each.answer()) for each in self._completions]
        try:
            answers = await gatherResults(waiting, consumeErrors=True)
        except FirstError as error:
            self.cancel()
            error.subFailure.raiseException()
        choices = tuple(choice for answer in answers for choice in answer.choices)
        return Answer(choices=choices, usage=self._add_up())

    async def next_events(self) -> Sequence[ChatEvent]:
        """See `Completion.next_events`."""
        while not self._merged.is_finished():
            try:
                events = await self._merged.next_events()
            except BaseException:
                self.cancel()
                raise
            if events:
                return events
        if self._is_over:
            return ()
        self._is_over = True
        return [self._add_up()]

    async def input_tokens(self) -> int:
        """How many tokens all inputs have; may be asked before anything else is."""
        return sum([await each.input_tokens() for each in self._completions])

    def cancel(self, reason: ApiError | None = None) -> None:
        """See `Completion.cancel`."""
        for completion in self._completions:
            completion.cancel(reason)

    def _add_up(self) -> Usage:
        """What all of them came to; into the figures, too."""
        for completion in self._completions[1:]:
            self.figures.add(completion.figures)
        assert self.figures.usage is not None
        return self.figures.usage


class _Part:
    """The events of one of the completions but its Usage, which ends it."""

    def __init__(self, completion: Completion, first_choice: int) -> None:
        self._completion = completion
        self._first_choice = first_choice
        self._is_finished = False

    def is_finished(self) -> bool:
        return self._is_finished

    async def next_events(self) -> list[ChatEvent]:
        """May be none, at the end."""
        events: list[ChatEvent] = []
        for event in await self._completion.next_events():
            if isinstance(event, Usage):
                self._is_finished = True
            else:
                events.append(replace(event, choice=event.choice + self._first_choice))
        return events

    def cancel(self) -> None:
        self._completion.cancel()
