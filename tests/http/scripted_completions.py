"""Completions that do what a test tells them, and tell what was done to them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from piecesd.catalog import Catalog, Limits, Model
from piecesd.chat import Answer, ChatEvent, ChatRequest, Choice, Delta, Finished, Usage
from piecesd.completion.attempts import Figures
from piecesd.completion.service import TokenCount
from piecesd.errors import ApiError, ModelNotFound

MODELS = tuple(
    Model(
        id=model_id,
        aliases=aliases,
        family="vertex" if aliases else "gpt",
        encoding="claude" if aliases else "o200k_base",
        owner="owner",
        created=datetime(2024, 5, 14, tzinfo=UTC),
        limits=Limits(total_tokens=300, input_tokens=200, output_tokens=100),
    )
    for model_id, aliases in (
        ("gpt-4o", ()),
        ("claude-3-opus@20240229", ("claude-3-opus-20240229",)),
    )
)

USAGE = Usage(input_tokens=5, output_tokens=2)
ANSWER = Answer(choices=(Choice(text="Hello", reason="stop"),), usage=USAGE)


class ScriptedCompletion:
    """One completion; a test gives its events or its answer when it likes.

    ``cancelled`` is whether it was cancelled, ``waiting`` whether somebody
    waits for more of it.
    """

    def __init__(self, model: Model, request: ChatRequest) -> None:
        self.model_name = request.model
        self.request = request
        self.figures = Figures(model_id=model.id)
        self.cancelled = False
        self._given: list[Any] = []
        self._waiting: Deferred[Any] | None = None
        self._reason: ApiError | None = None

    @property
    def waiting(self) -> bool:
        return self._waiting is not None

    def give(self, outcome: Sequence[ChatEvent] | Answer | Exception) -> None:
        """What the next wait brings: a batch, an answer, or a failure."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            self._given.append(outcome)
        elif isinstance(outcome, Exception):
            waiting.errback(outcome)
        else:
            waiting.callback(outcome)

    def give_text(self, text: str) -> None:
        self.figures.pieces += 1
        self.give([Delta(0, text)])

    def give_end(self) -> None:
        """The last events of a whole streamed answer."""
        self.figures.usage = USAGE
        self.give([Finished(0, "stop"), USAGE])
        self.give([])

    async def answer(self) -> Any:
        return await self._next()

    async def next_events(self) -> Any:
        return await self._next()

    async def input_tokens(self) -> int:
        return USAGE.input_tokens

    async def _next(self) -> Any:
        if self.cancelled:
            raise self._reason or CancelledError()
        if self._given:
            outcome = self._given.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        self._waiting = Deferred()
        try:
            return await self._waiting
        except CancelledError:
            self.cancel()
            raise

    def cancel(self, reason: ApiError | None = None) -> None:
        if self.cancelled:
            return
        self.cancelled = True
        self._reason = reason
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(reason or CancelledError())


class ScriptedCompletions:
    """Begins ScriptedCompletions and keeps them in ``begun``.

    ``script`` holds what each of them is given at once, in order. ``counted`` is
    what was to be counted: a text has as many tokens as characters, a request 7.
    """

    emulates_tools = True

    def __init__(self) -> None:
        self.models = MODELS
        self.begun: list[ScriptedCompletion] = []
        self.counted: list[str | ChatRequest] = []
        self.script: list[Sequence[ChatEvent] | Answer | Exception] = []
        self._catalog = Catalog(MODELS)

    def find(self, name: str) -> Model:
        model = self._catalog.find(name)
        if model is None:
            raise ModelNotFound(param="model", model=name)
        return model

    def choose(self, name: str) -> tuple[str, Model]:
        return name, self.find(name)

    async def count(self, model: str, content: str | ChatRequest) -> TokenCount:
        self.counted.append(content)
        tokens = len(content) if isinstance(content, str) else 7
        return TokenCount(model_name=model, model=self.find(model), tokens=tokens)

    def begin(self, request: ChatRequest, *, request_id: str) -> ScriptedCompletion:
        completion = ScriptedCompletion(self.find(request.model), request)
        for outcome in self.script:
            completion.give(outcome)
        self.begun.append(completion)
        return completion
