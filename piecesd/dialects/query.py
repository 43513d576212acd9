"""What the query of a URL asks for."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from piecesd.dialects.bounds import require_within
from piecesd.errors import Phrase, WrongType

_MAX_DIGITS = 9


def read_query(query: bytes) -> dict[str, str]:
    """The parameters by their names; of several of one name the last holds."""
    return dict(parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True))


def read_limit(fields: Mapping[str, str], *, default: int, most: int) -> int:
    """How many items a page is to have.

    :raises InvalidRequest: ``limit`` is no number from 1 to ``most``.
    """
    limit = fields.get("limit", str(default))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= _MAX_DIGITS):
        raise WrongType(param="limit", detail=Phrase("expected a number.", "应为数字。"))
    require_within("limit", int(limit), 1, most)
    return int(limit)
