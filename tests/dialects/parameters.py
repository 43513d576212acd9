"""The tables of docs/parameters.md, and what requests their examples make.

A dialect has a heading of its own there, and an entry in `DOCUMENTED`. Each of
its tables is about one Struct: the body, or a part of it.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import msgspec

from piecesd.dialects import (
    anthropic_messages,
    ollama_chat,
    ollama_generate,
    openai_chat,
    openai_completions,
    openai_responses,
    token_count,
)
from piecesd.dialects.anthropic_messages import body as messages_body
from piecesd.dialects.ollama_chat import body as ollama_chat_body
from piecesd.dialects.ollama_generate import body as ollama_generate_body
from piecesd.dialects.ollama_request import OptionsBody
from piecesd.dialects.openai_chat import body as chat_body
from piecesd.dialects.openai_completions import body as completions_body
from piecesd.dialects.openai_responses import body as responses_body

DOCUMENT = Path(__file__).parents[2] / "docs" / "parameters.md"

Fields = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """``struct`` is what the table is about. Where ``place`` is None the
    examples are values of a field of the whole body. Otherwise they are values
    of a field of a part, or with ``whole``, parts with the field in them, and
    ``place`` makes the fields of the body that hold a part. ``path`` stands
    before the field's name in errors."""

    struct: type[msgspec.Struct]
    path: str = ""
    place: Callable[[Fields], Fields] | None = None
    whole: bool = False


class Parses(Protocol):
    """What of a dialect is documented."""

    def parse(self, body: bytes, *, ignore_unsupported: bool) -> object: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Documented:
    """A dialect, its path with the default prefix, the fields that each of its
    requests has to have, and its tables by their headings. ``instead`` has fields
    that take the place of one of those."""

    title: str
    dialect: Parses
    path: str
    required: Fields
    tables: Mapping[str, Table] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)


_HELLO = {"role": "user", "content": "Hello"}


def _with_block(block: Fields) -> Fields:
    """Calls stand in what the assistant said, which is not said last."""
    role = "assistant" if block.get("type") == "tool_use" else "user"
    return {"messages": [{"role": role, "content": [block]}, _HELLO]}


DOCUMENTED = (
    Documented(
        title="Chat completions",
        dialect=openai_chat,
        path="/v1/chat/completions",
        required={"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]},
        tables={
            "Request": Table(struct=chat_body.Body),
            "Stream options": Table(
                struct=chat_body.StreamOptionsBody,
                path="stream_options.",
                place=lambda options: {"stream_options": options},
            ),
            "Messages": Table(
                struct=chat_body.MessageBody,
                path="messages[0].",
                place=lambda message: {"messages": [message]},
                whole=True,
            ),
        },
    ),
    Documented(
        title="Completions",
        dialect=openai_completions,
        path="/v1/completions",
        required={"model": "gpt-4o", "prompt": "Hello"},
        tables={"Request": Table(struct=completions_body.Body)},
    ),
    Documented(
        title="Responses",
        dialect=openai_responses,
        path="/v1/responses",
        required={"model": "gpt-4o", "input": "Hello"},
        tables={
            "Request": Table(struct=responses_body.Body),
            "Text": Table(
                struct=responses_body.TextBody,
                path="text.",
                place=lambda text: {"text": text},
            ),
            "Reasoning": Table(
                struct=responses_body.ReasoningBody,
                path="reasoning.",
                place=lambda reasoning: {"reasoning": reasoning},
            ),
            "Stream options": Table(
                struct=responses_body.StreamOptionsBody,
                path="stream_options.",
                place=lambda options: {"stream_options": options},
            ),
            "Items": Table(
                struct=responses_body.ItemBody,
                path="input[0].",
                place=lambda item: {"input": [item]},
                whole=True,
            ),
        },
    ),
    Documented(
        title="Messages",
        dialect=anthropic_messages,
        path="/v1/messages",
        required={"model": "claude-3-opus-20240229", "max_tokens": 50, "messages": [_HELLO]},
        tables={
            "Request": Table(struct=messages_body.Body),
            "Conversation": Table(
                struct=messages_body.MessageBody,
                path="messages[0].",
                place=lambda message: {"messages": [message]},
                whole=True,
            ),
            "Blocks": Table(
                struct=messages_body.BlockBody,
                path="messages[0].content[0].",
                place=_with_block,
                whole=True,
            ),
            "Tools": Table(
                struct=messages_body.ToolBody,
                path="tools[0].",
                place=lambda tool: {"tools": [tool]},
                whole=True,
            ),
            "Tool choice": Table(
                struct=messages_body.ToolChoiceBody,
                path="tool_choice.",
                place=lambda choice: {
                    "tools": [{"name": "f", "input_schema": {}}],
                    "tool_choice": choice,
                },
                whole=True,
            ),
            "Output": Table(
                struct=messages_body.OutputBody,
                path="output_config.",
                place=lambda output: {"output_config": output},
            ),
        },
    ),
    Documented(
        title="Ollama chat",
        dialect=ollama_chat,
        path="/api/chat",
        # JSON, for the built-in model to repeat where a format is asked for.
        required={"model": "gpt-4o", "messages": [{"role": "user", "content": "{}"}]},
        tables={
            "Request": Table(struct=ollama_chat_body.Body),
            "Options": Table(
                struct=OptionsBody,
                path="options.",
                place=lambda options: {"options": options},
            ),
            "Messages": Table(
                struct=ollama_chat_body.MessageBody,
                path="messages[0].",
                place=lambda message: {"messages": [message]},
                whole=True,
            ),
        },
    ),
    Documented(
        title="Ollama generate",
        dialect=ollama_generate,
        path="/api/generate",
        required={"model": "gpt-4o", "prompt": "{}"},
        tables={"Request": Table(struct=ollama_generate_body.Body)},
    ),
    Documented(
        title="Token count",
        dialect=token_count,
        path="/v1/token_count",
        required={"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]},
        tables={"Request": Table(struct=token_count.Body)},
        instead={"text": "messages"},
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One field. ``accepted`` and ``refused`` are its examples."""

    of: Documented
    table: Table
    section: str
    field: str
    treatment: str
    accepted: tuple[Any, ...]
    refused: tuple[Any, ...]

    @property
    def path(self) -> str:
        """The field as errors name it."""
        return self.table.path + self.field

    def with_example(self, example: Any) -> bytes:
        """A request with the example."""
        return self._body(example if self.table.whole else {self.field: example})

    def without_field(self, example: Any) -> bytes:
        """The same without the field."""
        part = example if self.table.whole else {}
        return self._body(_without(part, self.field), absent=self.field)

    def _body(self, part: Fields, absent: str = "") -> bytes:
        if self.table.place is None:
            displaced = [self.of.instead[name] for name in part if name in self.of.instead]
            body = _without(self.of.required, absent, *displaced) | dict(part)
        else:
            body = dict(self.of.required) | dict(self.table.place(part))
        return json.dumps(body).encode()


def _without(fields: Fields, *names: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key not in names}


@cache
def read_rows() -> tuple[Row, ...]:
    """All rows of all tables.

    :raises AssertionError: a heading is one that `DOCUMENTED` does not know.
    """
    documented = {each.title: each for each in DOCUMENTED}
    rows = []
    title = section = ""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            title, section = line.removeprefix("## "), ""
        elif line.startswith("### "):
            section = line.removeprefix("### ")
        elif line.startswith("| `"):
            assert title in documented and section in documented[title].tables, (title, section)
            rows.append(_row(documented[title], section, line))
    return tuple(rows)


def _row(of: Documented, section: str, line: str) -> Row:
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    name, treatment, accepted, refused, _ = cells
    return Row(
        of=of,
        table=of.tables[section],
        section=section,
        field=name.strip("`"),
        treatment=treatment,
        accepted=_examples(accepted),
        refused=_examples(refused),
    )


def _examples(cell: str) -> tuple[Any, ...]:
    return tuple(json.loads(code) for code in re.findall(r"`([^`]*)`", cell))
