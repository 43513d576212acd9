"""Model objects and pages of them, as ``GET /v1/models`` of the Anthropic API has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from piecesd.dialects.openai_models import ModelCard
from piecesd.dialects.query import read_limit, read_query
from piecesd.errors import InvalidValue, Phrase

MAX_PAGE = 1000
DEFAULT_PAGE = 20
"""Both are the reference's own."""

QUERY: Mapping[str, Mapping[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE},
    "after_id": {"type": "string"},
    "before_id": {"type": "string"},
}
"""The JSON schemas of what may stand in the query of a list of models."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Which models are asked for: ``limit`` of those behind ``after_id``, or of
    those before ``before_id``, or of all."""

    limit: int = DEFAULT_PAGE
    after_id: str | None = None
    before_id: str | None = None


class Model(msgspec.Struct, tag_field="type", tag="model"):
    id: str
    display_name: str
    created_at: datetime
    lifecycle: Literal["active"]
    max_input_tokens: int
    max_tokens: int


class ModelPage(msgspec.Struct):
    data: list[Model]
    has_more: bool
    first_id: str | None
    last_id: str | None


def read_page(query: bytes) -> Page:
    """What the query of a URL asks for.

    :raises InvalidRequest: ``limit`` is no number from 1 to `MAX_PAGE`.
    """
    fields = read_query(query)
    return Page(
        limit=read_limit(fields, default=DEFAULT_PAGE, most=MAX_PAGE),
        after_id=fields.get("after_id"),
        before_id=fields.get("before_id"),
    )


def render_model(card: ModelCard) -> bytes:
    """The JSON body for one model."""
    return msgspec.json.encode(_model(card))


def render_models(cards: Sequence[ModelCard], page: Page) -> bytes:
    """The JSON body for a page of ``cards``, in their order.

    :raises InvalidValue: there is no model where the page is to begin or end.
    """
    start, end = 0, len(cards)
    if page.after_id is not None:
        start = _index(cards, "after_id", page.after_id) + 1
    if page.before_id is not None:
        end = _index(cards, "before_id", page.before_id)
        shown = cards[max(start, end - page.limit) : end]
    else:
        shown = cards[start : start + page.limit]
    models = [_model(card) for card in shown]
    return msgspec.json.encode(
        ModelPage(
            data=models,
            has_more=len(models) < end - start,
            first_id=models[0].id if models else None,
            last_id=models[-1].id if models else None,
        )
    )


def _index(cards: Sequence[ModelCard], param: str, model_id: str) -> int:
    for index, card in enumerate(cards):
        if card.id == model_id:
            return index
    raise InvalidValue(
        param=param, detail=Phrase("there is no model of that id.", "没有该标识的模型。")
    )


def _model(card: ModelCard) -> Model:
    return Model(
        id=card.id,
        display_name=card.id,
        created_at=datetime.fromtimestamp(card.created_unix, UTC),
        lifecycle="active",
        max_input_tokens=card.input_tokens,
        max_tokens=card.output_tokens,
    )
