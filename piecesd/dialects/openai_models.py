"""Model objects and their list, as ``GET /v1/models`` of the OpenAI API has them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """What clients are told of a model; ``id`` is the name they may use."""

    id: str
    owner: str
    created_unix: int
    total_tokens: int
    input_tokens: int
    output_tokens: int


class _Model(msgspec.Struct):
    """The first four fields are the API's. It says nothing of limits, so those
    after them bear the names that clients know from other servers:
    context_length (OpenRouter), context_window and max_completion_tokens (Groq),
    max_model_len (vLLM), max_input_tokens and max_output_tokens (LiteLLM)."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    context_length: int
    context_window: int
    max_model_len: int
    max_input_tokens: int
    max_output_tokens: int
    max_completion_tokens: int


class _ModelList(msgspec.Struct):
    object: Literal["list"]
    data: list[_Model]


def _model(card: ModelCard) -> _Model:
    return _Model(
        id=card.id,
        object="model",
        created=card.created_unix,
        owned_by=card.owner,
        context_length=card.total_tokens,
        context_window=card.total_tokens,
        max_model_len=card.total_tokens,
        max_input_tokens=card.input_tokens,
        max_output_tokens=card.output_tokens,
        max_completion_tokens=card.output_tokens,
    )


def render_model(card: ModelCard) -> bytes:
    """The JSON body for one model."""
    return msgspec.json.encode(_model(card))


def render_models(cards: Iterable[ModelCard]) -> bytes:
    """The JSON body for the list, in the order of ``cards``."""
    return msgspec.json.encode(_ModelList("list", [_model(card) for card in cards]))
