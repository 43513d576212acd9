"""Models as Ollama's API tells of them, and what it says of itself."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from piecesd.dialects.json_body import decode_body
from piecesd.dialects.ollama_answer import rfc3339
from piecesd.dialects.openai_models import ModelCard

API_VERSION = "0.12.11"
"""Of the Ollama whose API this is. Clients compare it with what they need, so
piecesd's own would tell them nothing."""


class _Details(msgspec.Struct):
    """Nothing is known of what a file of weights would tell."""

    family: str
    families: list[str]
    parent_model: str = ""
    format: str = ""
    parameter_size: str = ""
    quantization_level: str = ""


class Listed(msgspec.Struct):
    name: str
    model: str
    modified_at: str
    size: int
    digest: str
    details: _Details


class Tags(msgspec.Struct):
    models: list[Listed]


class Version(msgspec.Struct):
    version: str


class Shown(msgspec.Struct):
    modelfile: str
    parameters: str
    template: str
    details: _Details
    model_info: Mapping[str, Any]
    capabilities: list[str]
    modified_at: str


class ShowBody(msgspec.Struct):
    """``name`` is the older word for ``model``."""

    model: str | None = None
    name: str | None = None


_SHOW = msgspec.json.Decoder(ShowBody)


def parse_show(body: bytes) -> str:
    """The name of the model that a body of ``/api/show`` asks for; empty for none.

    :raises InvalidRequest: it has not the form of one.
    """
    wire = decode_body(_SHOW, body)
    return wire.model or wire.name or ""


def render_version() -> bytes:
    return msgspec.json.encode(Version(API_VERSION))


def render_running() -> bytes:
    """The models that are in this machine's memory: none ever is."""
    return msgspec.json.encode(Tags([]))


def render_tags(cards: Iterable[ModelCard]) -> bytes:
    """The list of models, in the order of ``cards``."""
    return msgspec.json.encode(Tags(list(map(_listed, cards))))


def _listed(card: ModelCard) -> Listed:
    return Listed(
        name=card.id,
        model=card.id,
        modified_at=rfc3339(card.created_unix),
        size=0,
        # Of no file: clients tell models apart by it, and show its first digits.
        digest=hashlib.sha256(card.id.encode()).hexdigest(),
        details=_details(card),
    )


def render_shown(card: ModelCard) -> bytes:
    """What ``/api/show`` tells of one model. ``model_info`` has the keys by which
    clients find the length of its context."""
    return msgspec.json.encode(
        Shown(
            modelfile="",
            parameters="",
            template="",
            details=_details(card),
            model_info={
                "general.architecture": card.owner,
                "general.basename": card.id,
                f"{card.owner}.context_length": card.total_tokens,
            },
            capabilities=["completion", "tools"] if card.calls_tools else ["completion"],
            modified_at=rfc3339(card.created_unix),
        )
    )


def _details(card: ModelCard) -> _Details:
    return _Details(family=card.owner, families=[card.owner])
