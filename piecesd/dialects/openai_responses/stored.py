"""What is kept of a response, and what is told of it later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from piecesd.dialects.openai_responses.items import Item
from piecesd.dialects.query import read_limit, read_query
from piecesd.dialects.refusals import NOT_IN_BACKGROUND
from piecesd.errors import InvalidValue, Phrase, UnsupportedParameter

MAX_PAGE_ITEMS = 100
DEFAULT_PAGE_ITEMS = 20
"""The reference's own."""


QUERY: Mapping[str, Mapping[str, Any]] = {
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_PAGE_ITEMS,
        "default": DEFAULT_PAGE_ITEMS,
    },
    "order": {"enum": ["asc", "desc"], "default": "desc"},
    "after": {"type": "string"},
}
"""The JSON schemas of what may stand in the query of a list of items."""


class _Output(msgspec.Struct):
    output: list[Item]


class Deleted(msgspec.Struct):
    id: str
    object: Literal["response"] = "response"
    deleted: bool = True


class ItemList(msgspec.Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: Sequence[Item]
    first_id: str | None
    last_id: str | None
    has_more: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Which part of a list is asked for: so many items after the one with the id
    ``after``, from the newest on, or with ``oldest_first`` the other way round."""

    limit: int = DEFAULT_PAGE_ITEMS
    oldest_first: bool = False
    after: str | None = None


_ITEMS = msgspec.json.Decoder(list[Item])
_RESPONSE = msgspec.json.Decoder(_Output)


def encode_items(items: Sequence[Item]) -> bytes:
    return msgspec.json.encode(items)


def output_items(response: bytes) -> list[Item]:
    """The output of a response, of which this is the JSON."""
    return _RESPONSE.decode(response).output


def all_items(response: bytes, input_items: bytes) -> list[Item]:
    """The input and the output: what the next response goes on from."""
    return [*_ITEMS.decode(input_items), *output_items(response)]


def render_deleted(response_id: str) -> bytes:
    return msgspec.json.encode(Deleted(response_id))


def parse_page(query: bytes) -> Page:
    """:raises InvalidRequest: the query asks for no page there could be."""
    fields = read_query(query)
    order = fields.get("order", "desc")
    if order not in ("asc", "desc"):
        raise InvalidValue(
            param="order", detail=Phrase("it must be asc or desc.", "必须是 asc 或 desc。")
        )
    return Page(
        limit=read_limit(fields, default=DEFAULT_PAGE_ITEMS, most=MAX_PAGE_ITEMS),
        oldest_first=order == "asc",
        after=fields.get("after"),
    )


def refuse_stream(query: bytes) -> None:
    """:raises UnsupportedParameter: a stored response is to be streamed once
    more, which is for those that were made in the background."""
    if read_query(query).get("stream", "false").lower() not in ("false", "0", ""):
        raise UnsupportedParameter(param="stream", detail=NOT_IN_BACKGROUND)


def render_page(input_items: bytes, page: Page) -> bytes:
    """The part of a stored input that ``page`` asks for.

    :raises InvalidValue: there is no item of the id to begin after.
    """
    items = _ITEMS.decode(input_items)
    if not page.oldest_first:
        items.reverse()
    if page.after is not None:
        items = items[_position(items, page.after) + 1 :]
    shown = items[: page.limit]
    return msgspec.json.encode(
        ItemList(
            data=shown,
            first_id=shown[0].id if shown else None,
            last_id=shown[-1].id if shown else None,
            has_more=len(items) > len(shown),
        )
    )


def _position(items: Sequence[Item], item_id: str) -> int:
    for position, item in enumerate(items):
        if item.id == item_id:
            return position
    raise InvalidValue(param="after", detail=Phrase("there is no such item.", "没有该条目。"))
