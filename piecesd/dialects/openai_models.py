"""Model objects and their list, as ``GET /v1/models`` of the OpenAI API has them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """What clients are told of a model; ``id`` is the name they may use.

    ``encoding`` is what its tokens are counted by. ``samples``: its service takes
    a temperature and a top_p. ``calls_tools``: tools may be given to it.
    """

    id: str
    owner: str
    created_unix: int
    total_tokens: int
    input_tokens: int
    output_tokens: int
    encoding: str
    samples: bool
    calls_tools: bool


class _Architecture(msgspec.Struct):
    tokenizer: str
    modality: str = "text->text"
    input_modalities: tuple[str, ...] = ("text",)
    output_modalities: tuple[str, ...] = ("text",)
    instruct_type: None = None


class _TopProvider(msgspec.Struct):
    context_length: int
    max_completion_tokens: int
    is_moderated: bool = False


class _Capabilities(msgspec.Struct):
    function_calling: bool
    completion_chat: bool = True
    completion_fim: bool = False
    fine_tuning: bool = False
    vision: bool = False


class Model(msgspec.Struct):
    """The first four fields are the API's. Those after them bear the names that
    clients know from other servers: context_length, name, architecture,
    top_provider and supported_parameters (OpenRouter), context_window and
    max_completion_tokens (Groq), max_model_len (vLLM), max_context_length
    (LM Studio), max_input_tokens and max_output_tokens (LiteLLM), capabilities
    (Mistral). What is not known, such as a price, is left out."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    name: str
    context_length: int
    context_window: int
    max_model_len: int
    max_context_length: int
    max_input_tokens: int
    max_output_tokens: int
    max_completion_tokens: int
    architecture: _Architecture
    top_provider: _TopProvider
    supported_parameters: list[str]
    capabilities: _Capabilities


class ModelList(msgspec.Struct):
    object: Literal["list"]
    data: list[Model]


def _model(card: ModelCard) -> Model:
    return Model(
        id=card.id,
        object="model",
        created=card.created_unix,
        owned_by=card.owner,
        name=card.id,
        context_length=card.total_tokens,
        context_window=card.total_tokens,
        max_model_len=card.total_tokens,
        max_context_length=card.total_tokens,
        max_input_tokens=card.input_tokens,
        max_output_tokens=card.output_tokens,
        max_completion_tokens=card.output_tokens,
        architecture=_Architecture(tokenizer=card.encoding),
        top_provider=_TopProvider(card.total_tokens, card.output_tokens),
        supported_parameters=_supported_parameters(card),
        capabilities=_Capabilities(function_calling=card.calls_tools),
    )


def _supported_parameters(card: ModelCard) -> list[str]:
    """Those that have an effect, by OpenRouter's names."""
    return [
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "response_format",
        "structured_outputs",
        *(["temperature", "top_p"] if card.samples else []),
        *(["tools", "tool_choice", "parallel_tool_calls"] if card.calls_tools else []),
    ]


def render_model(card: ModelCard) -> bytes:
    """The JSON body for one model."""
    return msgspec.json.encode(_model(card))


def render_models(cards: Iterable[ModelCard]) -> bytes:
    """The JSON body for the list, in the order of ``cards``."""
    return msgspec.json.encode(ModelList("list", [_model(card) for card in cards]))
