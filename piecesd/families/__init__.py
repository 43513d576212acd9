"""The upstream services' messages: chat values to protobuf bytes and back.

Adding a family is a proto, a module here, a line in `FAMILIES` and its models
in ``catalog.json``.
"""

from collections.abc import Mapping
from types import MappingProxyType

from piecesd.families.family import Family, Reply
from piecesd.families.gpt import GptFamily
from piecesd.families.vertex import VertexFamily

__all__ = ["FAMILIES", "Family", "Reply"]

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {family.name: family for family in (GptFamily(), VertexFamily())}
)
"""Each family by the name that the catalogue's models give."""
