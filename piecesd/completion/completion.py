"""One chat request from its checks to its last event."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred, FirstError, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from piecesd.catalog import Model
from piecesd.chat import Answer, ChatEvent, ChatRequest, Choice, Usage
from piecesd.completion.attempts import Attempts, Figures
from piecesd.completion.budget import RetryBudget
from piecesd.completion.choice import StreamedChoice
from piecesd.completion.counting import TokenCounts
from piecesd.completion.deadlines import StreamLimits
from piecesd.completion.merge import MergedChoices
from piecesd.completion.rules import TextRules
from piecesd.errors import ApiError, ContextLengthExceeded
from piecesd.tokens import Encoding, TokenLimit, count_prompt, is_quick, prompt_upper_bound
from piecesd.upstream.interface import Upstream

T = TypeVar("T")

SHORTEST_TIMEOUT_SECONDS = 0.001
"""What a call is given when its deadline is here: it fails as any late one does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CompletionSettings:
    """``timeout_seconds`` bounds an unstreamed answer, retries included;
    ``stream_limits`` a streamed one."""

    max_retries: int
    timeout_seconds: float
    stream_limits: StreamLimits


class Completion:
    """A request under way. Either `answer` or `next_events` is used.

    ``model_name`` is what the model is called towards the client.
    """

    def __init__(
        self,
        model_name: str,
        model: Model,
        request: ChatRequest,
        *,
        upstream: Upstream,
        settings: CompletionSettings,
        counts: TokenCounts,
        budget: RetryBudget,
        clock: IReactorTime,
        request_id: str,
    ) -> None:
        self.model_name = model_name
        self.figures = Figures(model_id=model.id)
        self._model = model
        self._request = request
        self._upstream = upstream
        self._settings = settings
        self._counts = counts
        self._clock = clock
        self._began = clock.seconds()
        self._attempts = Attempts(
            clock,
            self.figures,
            max_retries=settings.max_retries,
            budget=budget,
            usable_in=upstream.usable_in,
            request_id=request_id,
        )
        self._choices: list[StreamedChoice] = []
        self._source: StreamedChoice | MergedChoices | None = None
        self._kept_back: list[ChatEvent] = []
        self._held: Deferred[object] | None = None
        self._cancelled = False
        self._reason: ApiError | None = None

    async def answer(self) -> Answer:
        """The whole answer. Cancelling its Deferred cancels the upstream's calls.

        :raises ApiError: there is no whole answer.
        """
        return await self._ending(self._answer())

    async def next_events(self) -> Sequence[ChatEvent]:
        """The events that have come since the last batch; waits for one. Empty
        at the end, after a Finished for each choice and the Usage.

        :raises ApiError: the answer is not whole and will not be; what came
            out before is all of it that was whole.
        """
        if self.figures.usage is not None:
            return ()
        return await self._ending(self._next_events())

    async def input_tokens(self) -> int:
        """How many tokens the input has; may be asked before anything else is."""
        return await self._ending(self._count_input())

    def cancel(self, reason: ApiError | None = None) -> None:
        """End it now and free all it holds. Idempotent.

        Who waits for it gets ``reason``, or CancelledError without one.
        """
        if self._cancelled:
            return
        self._cancelled = True
        self._reason = reason
        if self._source is not None:
            self._source.cancel()
        self._attempts.cancel()
        if self._held is not None:
            self._held.cancel()

    async def _ending(self, step: Awaitable[T]) -> T:
        """Wait for ``step``; what ends it early ends everything else too."""
        try:
            return await step
        except CancelledError:
            self.cancel()
            if self._reason is not None:
                raise self._reason from None
            raise
        except BaseException:
            self.cancel()
            raise

    async def _hold(self, deferred: Deferred[T]) -> T:
        """Wait for something that `cancel` is to cancel."""
        self._held = deferred  # type: ignore[assignment]  # only ever cancelled
        try:
            if self._cancelled:
                deferred.cancel()
            return await deferred
        finally:
            self._held = None

    # Unstreamed.

    async def _answer(self) -> Answer:
        await self._check_input()
        deadline = self._clock.seconds() + self._settings.timeout_seconds
        texts = await self._hold(self._predict_all(deadline))
        self.figures.first_piece_seconds = self._clock.seconds() - self._began
        self.figures.pieces = len(texts)
        if self._request.max_output_tokens is None:
            choices = self._cut(texts, None)
        else:
            choices = await self._work(texts, lambda encoding: self._cut(texts, encoding))
        usage = await self._count([choice.text for choice in choices])
        return Answer(choices=tuple(choices), usage=usage)

    def _predict_all(self, deadline: float) -> Deferred[list[str]]:
        """One call for each choice; the first failure ends the others."""
        calls = [
            Deferred.fromCoroutine(self._predict(deadline)) for _ in range(self._request.choices)
        ]

        def first_failure(failure: Failure) -> Failure:
            for call in calls:
                call.cancel()
            error = failure.value
            return error.subFailure if isinstance(error, FirstError) else failure

        return gatherResults(calls, consumeErrors=True).addErrback(first_failure)

    async def _predict(self, deadline: float) -> str:
        async def attempt(avoid: object) -> str:
            left = deadline - self._clock.seconds()
            return await self._upstream.predict(
                self._model.id,
                self._request,
                timeout_seconds=max(left, SHORTEST_TIMEOUT_SECONDS),
                avoid=avoid,
            )

        return await self._attempts.run(deadline, attempt)

    def _cut(self, texts: Sequence[str], encoding: Encoding | None) -> list[Choice]:
        choices = []
        for text in texts:
            rules = self._rules(encoding)
            kept = rules.feed(text)
            if rules.reason is None:
                kept += rules.finish()
            assert rules.reason is not None
            choices.append(
                Choice(text=kept, reason=rules.reason, stop_sequence=rules.stop_sequence)
            )
        return choices

    # Streamed.

    async def _next_events(self) -> Sequence[ChatEvent]:
        source = self._source
        if source is None:
            source = self._source = await self._open()
        events, self._kept_back = self._kept_back, []
        if not source.is_finished():
            events = await source.next_events()
            if not source.is_finished():
                return events
            if not is_quick(self._model.encoding, self._size(self._texts())) and len(events) > 1:
                # The text goes out now. Its Finished waits for the count, during
                # which the answer may still be cut: no error follows a finish.
                self._kept_back = [events.pop()]
                return events
        return [*events, await self._count(self._texts())]

    async def _open(self) -> StreamedChoice | MergedChoices:
        await self._check_input()
        encoding = None
        if self._request.max_output_tokens is not None:
            encoding = await self._work((), lambda loaded: loaded)
        self._choices = [
            StreamedChoice(
                index,
                self._model,
                self._request,
                upstream=self._upstream,
                attempts=self._attempts,
                limits=self._settings.stream_limits,
                rules=self._rules(encoding),
            )
            for index in range(self._request.choices)
        ]
        return self._choices[0] if len(self._choices) == 1 else MergedChoices(self._choices)

    def _texts(self) -> list[str]:
        return [choice.text for choice in self._choices]

    # Both.

    async def _count_input(self) -> int:
        messages = self._request.messages
        return await self._work((), lambda encoding: count_prompt(encoding, messages))

    async def _check_input(self) -> None:
        """Refuse an input over the model's limit. The count is waited for only
        where the input could be too long."""
        if self._cancelled:
            raise CancelledError()
        limit = self._model.limits.input_tokens
        messages = self._request.messages
        if prompt_upper_bound(self._model.encoding, messages) > limit:
            count = await self._count_input()
            if count > limit:
                raise ContextLengthExceeded(param="messages", limit=limit, count=count)

    def _rules(self, encoding: Encoding | None) -> TextRules:
        """The rules for one answer; ``encoding`` is None where none is needed."""
        limit = self._request.max_output_tokens
        if encoding is None or limit is None:
            return TextRules(None, self._request.stop)
        return TextRules(TokenLimit(encoding, limit), self._request.stop)

    async def _count(self, texts: Sequence[str]) -> Usage:
        def count(encoding: Encoding) -> Usage:
            return Usage(
                input_tokens=count_prompt(encoding, self._request.messages),
                output_tokens=sum(map(encoding.count, texts)),
            )

        self.figures.usage = await self._work(texts, count)
        return self.figures.usage

    async def _work(self, texts: Sequence[str], work: Callable[[Encoding], T]) -> T:
        return await self._hold(self._counts.work(self._model.encoding, self._size(texts), work))

    def _size(self, texts: Sequence[str]) -> int:
        """Characters of the input and of ``texts``: what counting them costs."""
        return sum(len(message.text) for message in self._request.messages) + sum(map(len, texts))
