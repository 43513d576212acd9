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
from piecesd.completion.usage import UsageCount
from piecesd.errors import ApiError
from piecesd.tokens import Encoding, TokenLimit
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
        self._usage = UsageCount(counts, model, request.messages, request.messages_param)
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
        return await self._ending(self._hold(Deferred.fromCoroutine(self._usage.input_tokens())))

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
        self._usage.cancel()
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
            chars = sum(map(len, texts))
            choices = await self._work(chars, lambda encoding: self._cut(texts, encoding))
        for choice in choices:
            self._usage.begin_text().add([choice.text])
        return Answer(choices=tuple(choices), usage=await self._count())

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
            if not self._usage.is_quick and len(events) > 1:
                # The text goes out now. Its Finished waits for the count, during
                # which the answer may still be cut: no error follows a finish.
                self._kept_back = [events.pop()]
                return events
        return [*events, await self._count()]

    async def _open(self) -> StreamedChoice | MergedChoices:
        await self._check_input()
        encoding = None
        if self._request.max_output_tokens is not None:
            encoding = await self._work(0, lambda loaded: loaded)
        choices = [self._streamed_choice(index, encoding) for index in range(self._request.choices)]
        return choices[0] if len(choices) == 1 else MergedChoices(choices)

    def _streamed_choice(self, index: int, encoding: Encoding | None) -> StreamedChoice:
        rules = self._rules(encoding)
        return StreamedChoice(
            index,
            self._model,
            self._request,
            upstream=self._upstream,
            attempts=self._attempts,
            limits=self._settings.stream_limits,
            rules=rules,
            count=self._usage.begin_text(rules.skip),
        )

    # Both.

    async def _check_input(self) -> None:
        if self._cancelled:
            raise CancelledError()
        await self._hold(Deferred.fromCoroutine(self._usage.check_input()))

    def _rules(self, encoding: Encoding | None) -> TextRules:
        """The rules for one answer; ``encoding`` is None where none is needed."""
        limit = self._request.max_output_tokens
        if encoding is None or limit is None:
            return TextRules(None, self._request.stop)
        return TextRules(TokenLimit(encoding, limit), self._request.stop)

    async def _count(self) -> Usage:
        if self._cancelled:
            raise CancelledError()
        self.figures.usage = await self._hold(Deferred.fromCoroutine(self._usage.usage()))
        return self.figures.usage

    async def _work(self, chars: int, work: Callable[[Encoding], T]) -> T:
        return await self._hold(self._counts.work(self._model.encoding, chars, work))
