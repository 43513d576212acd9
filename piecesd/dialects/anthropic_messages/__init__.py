"""Anthropic's "Create a Message": a `piecesd.dialects.dialect.Dialect`; and its
"Count Message tokens"."""

from piecesd.dialects.anthropic_errors import render_error
from piecesd.dialects.anthropic_messages.reply import render_count
from piecesd.dialects.anthropic_messages.request import parse, parse_count

__all__ = ["parse", "parse_count", "render_count", "render_error"]
