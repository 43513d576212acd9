"""JSON of ``/admin/bans``."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from piecesd.dialects.json_body import decode_body

MAX_BAN_SECONDS = 10 * 365 * 86400
MAX_REASON_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class BanCard:
    """What is told of a ban; ``address`` may be a network in CIDR notation."""

    address: str
    since_unix: int
    until_unix: int
    violations: int
    reason: str


class BanOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A ban that is asked for; it has ``address`` and ``seconds``."""

    address: str
    seconds: Annotated[int, msgspec.Meta(ge=1, le=MAX_BAN_SECONDS)]
    reason: Annotated[str, msgspec.Meta(max_length=MAX_REASON_CHARACTERS)] = ""


class Ban(msgspec.Struct):
    object: Literal["ban"]
    address: str
    since: int
    until: int
    violations: int
    reason: str


class BanList(msgspec.Struct):
    object: Literal["list"]
    data: list[Ban]


class Lifted(msgspec.Struct):
    lifted: int


_ORDER = msgspec.json.Decoder(BanOrder)


def parse_ban_order(body: bytes) -> BanOrder:
    """The ban that a body asks for.

    :raises InvalidRequest: it has not the form of one, or not for a time
        between a second and ten years.
    """
    return decode_body(_ORDER, body)


def render_ban(card: BanCard) -> bytes:
    """The JSON body for one ban."""
    return msgspec.json.encode(_ban(card))


def render_bans(cards: Iterable[BanCard]) -> bytes:
    """The JSON body for the list, in the order of ``cards``."""
    return msgspec.json.encode(BanList("list", [_ban(card) for card in cards]))


def render_lifted(count: int) -> bytes:
    """The JSON body for how many bans were lifted."""
    return msgspec.json.encode(Lifted(count))


def _ban(card: BanCard) -> Ban:
    return Ban(
        object="ban",
        address=card.address,
        since=card.since_unix,
        until=card.until_unix,
        violations=card.violations,
        reason=card.reason,
    )
