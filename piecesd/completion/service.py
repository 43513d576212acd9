"""Takes chat requests: finds the model and its upstream."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from twisted.internet.interfaces import IReactorTime

from piecesd.catalog import Catalog, Model
from piecesd.chat import ChatRequest
from piecesd.completion.budget import RetryBudget
from piecesd.completion.completion import Completion, CompletionSettings
from piecesd.completion.counting import RunInThread, TokenCounts
from piecesd.completion.emulated import EmulatedCompletion
from piecesd.completion.joined import JoinedCompletions
from piecesd.emulation.reply import is_needed
from piecesd.emulation.tools import callable_tools
from piecesd.errors import (
    InvalidValue,
    ModelNotConfigured,
    ModelNotFound,
    Phrase,
    UnsupportedParameter,
)
from piecesd.tokens import load
from piecesd.upstream.interface import Upstream

AnyCompletion = Completion | JoinedCompletions | EmulatedCompletion

_NO_MODEL = Phrase("a model must be named.", "必须指明模型。")
_NO_TOOLS = Phrase("tools are switched off here.", "此服务已停用工具。")


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenCount:
    """``model_name`` is what the model is called towards the client."""

    model_name: str
    model: Model
    tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Completions:
    """Begins completions.

    ``upstreams`` stand by family; one that is missing has no address.
    ``run_in_thread`` runs what takes its time on another thread. Without
    ``emulates_tools`` requests that have some are refused.
    ``default_model`` is for requests that name no model or an unknown one;
    None refuses those.
    """

    catalog: Catalog
    upstreams: Mapping[str, Upstream]
    default_model: str | None
    settings: CompletionSettings
    counts: TokenCounts
    budget: RetryBudget
    clock: IReactorTime
    run_in_thread: RunInThread
    emulates_tools: bool = True

    @property
    def models(self) -> tuple[Model, ...]:
        """The models that are served, in the catalogue's order."""
        return tuple(model for model in self.catalog.models if model.family in self.upstreams)

    def load_vocabularies(self) -> None:
        """Load what counts the tokens of all models; it takes half a second.

        :raises DamagedVocabulary: one is missing or damaged.
        """
        for name in {model.encoding for model in self.models}:
            load(name)

    def find(self, name: str) -> Model:
        """The served model of that id or alias.

        :raises ModelNotFound: there is none, or its service has no address.
        """
        model = self.catalog.find(name)
        if model is None:
            raise ModelNotFound(param="model", model=name)
        if model.family not in self.upstreams:
            raise ModelNotConfigured(param="model", model=name, service=model.family)
        return model

    def choose(self, name: str) -> tuple[str, Model]:
        """The model that answers where a request names ``name``, and what it is
        called in the answer.

        :raises ModelNotFound: see `find`.
        :raises InvalidValue: the name is empty, and there is no default.
        """
        if self.default_model is not None and self.catalog.find(name) is None:
            name = self.default_model
        if not name:
            raise InvalidValue(param="model", detail=_NO_MODEL)
        return name, self.find(name)

    def begin(self, request: ChatRequest, *, request_id: str) -> AnyCompletion:
        """Take a request; no call is made yet.

        :raises ModelNotFound: see `choose`.
        :raises InvalidValue: see `choose`.
        :raises UnsupportedParameter: it has tools, and they are not emulated.
        """
        begin = partial(self._begin, request_id=request_id)
        if is_needed(request):
            if callable_tools(request) and not self.emulates_tools:
                raise UnsupportedParameter(param="tools", detail=_NO_TOOLS)
            return EmulatedCompletion(request, begin=begin, run_in_thread=self.run_in_thread)
        if not request.further_conversations:
            return begin(request)
        conversations = (request.messages, *request.further_conversations)
        requests = [
            replace(request, messages=messages, further_conversations=())
            for messages in conversations
        ]
        return JoinedCompletions([begin(each) for each in requests], request.choices)

    async def count(self, model: str, content: str | ChatRequest) -> TokenCount:
        """How many tokens a text has for a model, or a request as its input.
        Cancelling it ends the counting.

        :raises ApiError: see `begin`.
        """
        name, found = self.choose(model)
        if isinstance(content, ChatRequest):
            tokens = await self.begin(content, request_id="").input_tokens()
        else:
            tokens = await self.counts.work(
                found.encoding, len(content), lambda encoding: encoding.count(content)
            )
        return TokenCount(model_name=name, model=found, tokens=tokens)

    def _begin(self, request: ChatRequest, *, request_id: str) -> Completion:
        name, model = self.choose(request.model)
        return Completion(
            name,
            model,
            request,
            upstream=self.upstreams[model.family],
            settings=self.settings,
            counts=self.counts,
            budget=self.budget,
            clock=self.clock,
            request_id=request_id,
        )
