"""``GET /v1/models``: the models that are served."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from piecesd.catalog import Model
from piecesd.dialects.openai_models import ModelCard, render_model, render_models
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
        """Send all; ``path_model`` makes no difference."""

        def send() -> None:
            cards = [_card(model, model.id) for model in self._completions.models]
            request.send(200, JSON_HEADERS, render_models(cards))

        return self._admission.when_admitted(request, send)

    def show(self, request: ApiRequest, name: str) -> Coroutine[Any, Any, None] | None:
        """Send the one of that id or alias, under the name that was asked for."""

        def send() -> None:
            card = _card(self._completions.find(name), name)
            request.send(200, JSON_HEADERS, render_model(card))

        return self._admission.when_admitted(request, send)


def _card(model: Model, name: str) -> ModelCard:
    return ModelCard(
        id=name,
        owner=model.owner,
        created_unix=model.created_unix,
        total_tokens=model.limits.total_tokens,
        input_tokens=model.limits.input_tokens,
        output_tokens=model.limits.output_tokens,
    )
