"""One document with its style and script in it.

It is put together once, at the start, from the files beside this one, in both
languages. There is no build step and nothing is fetched from anywhere
(docs/decisions/100).
"""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files

from piecesd.errors import Language

SCRIPTS = (
    "text.js",
    "page.js",
    "requests.js",
    "stream.js",
    "charts.js",
    "status.js",
    "models.js",
    "playground.js",
    "snippets.js",
    "start.js",
)
"""In this order they are one module: each sees the names of all."""

_MARK = re.compile(r"\{\{(\w+)\}\}")
_NAMED_TEXT = re.compile(r'(<[^<>]*\bdata-text="(\w+)"[^<>]*>)(?=</)')
_NAMED_ATTRIBUTE = re.compile(r'\bdata-(label|hint)="(\w+)"')
_ATTRIBUTES = {"label": "aria-label", "hint": "placeholder"}

Texts = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """``policy`` is its Content-Security-Policy."""

    html: bytes
    policy: str


_TAGS: Mapping[Language, str] = {"en": "en", "zh": "zh-Hans"}


def assemble(language: Language, facts: Mapping[str, str]) -> Page:
    """The page in ``language``.

    :param facts: what the script has to know of this daemon; they become
        ``data-`` attributes of the root, by name.
    """
    style, script = _read("page.css"), "\n".join(map(_read, SCRIPTS))
    parts = {
        "attributes": _attributes({"lang": _TAGS[language], **_data(facts)}),
        "style": style,
        "texts": json.dumps(texts(), ensure_ascii=False).replace("<", "\\u003c"),
        "script": script,
    }
    html = in_words(_read("page.html"), texts()[language])
    html = _MARK.sub(lambda found: parts[found[1]], html)
    return Page(html=html.encode(), policy=policy(style=style, script=script))


def policy(*, style: str, script: str) -> str:
    """Nothing from elsewhere, no frame around it, and of what stands in the
    document only this style and this script (W3C Content Security Policy 3)."""
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src {_source(style)}",
            f"script-src {_source(script)}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


@cache
def texts() -> Mapping[Language, Texts]:
    """All words of the page by their names, in each language."""
    found: Mapping[Language, Texts] = json.loads(_read("texts.json"))
    return found


def in_words(html: str, words: Texts) -> str:
    """``html`` with the texts that its elements name. The names stay, for the
    script to change the language by them."""
    html = _NAMED_TEXT.sub(lambda found: found[1] + escape(words[found[2]], quote=False), html)
    return _NAMED_ATTRIBUTE.sub(
        lambda found: f'{found[0]} {_ATTRIBUTES[found[1]]}="{escape(words[found[2]])}"', html
    )


def _data(facts: Mapping[str, str]) -> dict[str, str]:
    return {f"data-{name}": value for name, value in facts.items()}


def _attributes(values: Mapping[str, str]) -> str:
    return " ".join(f'{name}="{escape(value)}"' for name, value in values.items())


def _source(text: str) -> str:
    """How a policy names text that stands in the document."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _read(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8")
