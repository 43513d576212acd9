"""``GET /v1/models``: the models that are served, in the shape that the client reads."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any

from piecesd.catalog import Model
from piecesd.dialects import anthropic_models, openai_models
from piecesd.dialects.openai_models import ModelCard
from piecesd.http.admission import Admission
from piecesd.http.json_request import JSON_HEADERS
from piecesd.http.request import ApiRequest

if TYPE_CHECKING:
    from piecesd.completion.service import Completions


class ModelsEndpoint:
    def __init__(self, completions: Completions, admission: Admission) -> None:
        self._completions = completions
        self._admission = admission

    def list(self, request: ApiRequest, path_model: str = "") -> Coroutine[Any, Any, None] | None:
        """Send all, to one of Anthropic's clients the page it asks for;
        ``path_model`` makes no difference."""

        def send() -> None:
            if request.is_anthropic:
                page = anthropic_models.read_page(request.query)
                cards = [
                    model_card(self._completions, model, _anthropic_name(model))
                    for model in self._completions.models
                ]
                body = anthropic_models.render_models(cards, page)
            else:
                body = openai_models.render_models(model_cards(self._completions))
            request.send(200, JSON_HEADERS, body)

        return self._admission.when_admitted(request, send)

    def show(self, request: ApiRequest, name: str) -> Coroutine[Any, Any, None] | None:
        """Send the one of that id or alias, under the name that was asked for."""

        def send() -> None:
            card = model_card(self._completions, self._completions.find(name), name)
            shape = anthropic_models if request.is_anthropic else openai_models
            request.send(200, JSON_HEADERS, shape.render_model(card))

        return self._admission.when_admitted(request, send)


def _anthropic_name(model: Model) -> str:
    """The name that Anthropic's clients know a model by, where it has one."""
    name = model.id.replace("@", "-")
    return name if name in model.aliases else model.id


def model_cards(completions: Completions) -> Iterator[ModelCard]:
    """What is told of each model that is served."""
    return (model_card(completions, model, model.id) for model in completions.models)


def model_card(completions: Completions, model: Model, name: str) -> ModelCard:
    """What is told of ``model`` under ``name``."""
    return ModelCard(
        id=name,
        owner=model.owner,
        created_unix=model.created_unix,
        total_tokens=model.limits.total_tokens,
        input_tokens=model.limits.input_tokens,
        output_tokens=model.limits.output_tokens,
        encoding=model.encoding,
        samples=model.samples,
        calls_tools=completions.emulates_tools,
    )
