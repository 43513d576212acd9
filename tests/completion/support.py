"""What the tests of completions share: one on a fake clock and upstream."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.catalog import Catalog
from piecesd.chat import ChatEvent, ChatRequest, Message
from piecesd.completion.budget import RetryBudget
from piecesd.completion.completion import Completion, CompletionSettings
from piecesd.completion.counting import RunInThread, TokenCounts
from piecesd.completion.deadlines import StreamLimits
from piecesd.completion.service import Completions
from piecesd.upstream.scripted import ScriptedUpstream

T = TypeVar("T")

SETTINGS = CompletionSettings(
    max_retries=2,
    timeout_seconds=30.0,
    stream_limits=StreamLimits(first_piece_seconds=30.0, idle_seconds=60.0, total_seconds=300.0),
)


def chat(text: str = "hi", model: str = "gpt-4", **fields: Any) -> ChatRequest:
    said = (Message(role="user", text=text),)
    return ChatRequest(**{"model": model, "messages": said} | fields)


def run_now(work: Callable[[], T]) -> Deferred[T]:
    """A worker thread without the thread."""
    return succeed(work())


class StoppedThread:
    """A worker thread that does its next work when it is told to."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    def run(self, work: Callable[[], T]) -> Deferred[T]:
        done: Deferred[T] = Deferred()

        def step() -> None:
            try:
                result = work()
            except Exception:
                done.errback()
            else:
                done.callback(result)

        self._waiting.append(step)
        return done

    def step(self) -> None:
        self._waiting.pop(0)()


class CompletionCase(SynchronousTestCase):
    """``self.begin(...)`` gives a Completion over a scripted GPT service."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.gpt = ScriptedUpstream()
        self.completions = self.make()

    def make(
        self,
        default_model: str | None = None,
        run_in_thread: RunInThread = run_now,
        **fields: Any,
    ) -> Completions:
        return Completions(
            catalog=Catalog.built_in(),
            upstreams={"gpt": self.gpt},
            default_model=default_model,
            settings=SETTINGS,
            counts=TokenCounts(run_in_thread),
            budget=RetryBudget(20, self.clock.seconds),
            clock=self.clock,
            run_in_thread=run_in_thread,
            **fields,
        )

    def begin(self, text: str = "hi", **fields: Any) -> Completion:
        completion = self.completions.begin(chat(text, **fields), request_id="r1")
        assert isinstance(completion, Completion)
        return completion

    def turn(self, completion: Completion) -> Deferred[Sequence[ChatEvent]]:
        turn = Deferred.fromCoroutine(completion.next_events())
        self.addCleanup(self.end, completion, turn)
        return turn

    def end(self, completion: Completion, turn: Deferred[Sequence[ChatEvent]]) -> None:
        """A coroutine that is left waiting would be closed by the collector."""
        completion.cancel()
        turn.addErrback(lambda _failure: None)

    def events_of(self, turn: Deferred[Sequence[ChatEvent]]) -> Sequence[ChatEvent]:
        """What a turn has brought, which must be there."""
        return self.successResultOf(turn)

    def backoff(self) -> None:
        """Let the longest backoff there is pass."""
        self.clock.advance(8.0)
