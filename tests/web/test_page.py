"""The page holds all it needs, in both languages, and its policy fits it."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files

from twisted.trial.unittest import SynchronousTestCase

from piecesd.errors import Language
from piecesd.web import page
from piecesd.web.page import SCRIPTS, assemble, in_words, texts

LANGUAGES: tuple[Language, ...] = ("en", "zh")
FACTS = {"api-prefix": "/v1/", "asks-key": "no", "paths": "chat/completions"}
LOADING = ("src", "href", "action", "data", "poster", "srcset", "formaction")


class Reader(HTMLParser):
    """Collects what a browser would look at."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str]] = []
        self.inline: dict[str, list[str]] = {"style": [], "script": []}
        self.scripts: list[str | None] = []
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag in self.inline:
            self._open = tag
            self.inline[tag].append("")
        if tag == "script":
            self.scripts.append(dict(attrs).get("type"))

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inline[self._open][-1] += data

    def values(self, name: str) -> list[str]:
        return [value for _, each, value in self.attributes if each == name]


def read(language: Language = "en") -> Reader:
    return Reader(assemble(language, FACTS).html.decode())


def sources() -> str:
    """All scripts, as they stand in the package."""
    return "\n".join((files(page.__package__) / name).read_text("utf-8") for name in SCRIPTS)


class PolicyTests(SynchronousTestCase):
    def test_it_allows_the_style_and_the_script_of_the_page_by_their_hashes(self) -> None:
        for language in LANGUAGES:
            built = assemble(language, FACTS)
            reader = Reader(built.html.decode())
            self.assertEqual(reader.scripts, ["application/json", "module"])
            (style,), (_, script) = reader.inline["style"], reader.inline["script"]
            for kind, text in (("style", style), ("script", script)):
                digest = b64encode(sha256(text.encode()).digest()).decode()
                self.assertIn(f"{kind}-src 'sha256-{digest}'", built.policy.split("; "))

    def test_it_allows_nothing_by_the_way(self) -> None:
        policy = assemble("en", FACTS).policy
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("*", policy)
        self.assertNotIn("http", policy)
        for directive in ("base-uri", "form-action", "frame-ancestors", "default-src"):
            self.assertIn(f"{directive} 'none'", policy)

    def test_the_page_has_nothing_that_it_would_forbid(self) -> None:
        names = {name for _, name, _ in read().attributes}
        self.assertEqual([name for name in names if name == "style" or name[:2] == "on"], [])


class DocumentTests(SynchronousTestCase):
    def test_it_loads_nothing(self) -> None:
        loading = [value for name in LOADING for value in read().values(name)]
        self.assertTrue(loading)
        for value in loading:
            self.assertTrue(value.startswith(("#", "data:")), value)
        (style,) = read().inline["style"]
        self.assertNotRegex(style, r"url\(|@import")

    def test_data_is_never_read_as_html_and_the_key_never_stored(self) -> None:
        self.assertNotRegex(
            sources(),
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function"
            r"|localStorage|sessionStorage|indexedDB|document\.cookie|history\.(push|replace)",
        )

    def test_every_part_that_the_script_looks_for_is_there(self) -> None:
        wanted = set(re.findall(r'(?:byId|chart)\("([\w-]+)"', sources()))
        self.assertTrue(wanted)
        self.assertEqual(wanted - set(read().values("id")), set())

    def test_every_field_has_a_label(self) -> None:
        reader = read()
        fields = ("input", "select", "textarea")
        ids = [value for tag, name, value in reader.attributes if tag in fields and name == "id"]
        self.assertTrue(ids)
        self.assertEqual(set(ids) - set(reader.values("for")), set())

    def test_what_the_daemon_says_of_itself_can_not_become_markup(self) -> None:
        html = assemble("en", FACTS | {"api-prefix": '/"><script>{{script}}'}).html.decode()
        self.assertIn('data-api-prefix="/&quot;&gt;&lt;script&gt;{{script}}"', html)


class WordTests(SynchronousTestCase):
    def test_both_languages_have_the_same_texts_with_the_same_places(self) -> None:
        english, chinese = texts()["en"], texts()["zh"]
        self.assertEqual(list(english), list(chinese))
        for name in english:
            for words in (english[name], chinese[name]):
                self.assertTrue(words.strip(), name)
            self.assertEqual(*(set(re.findall(r"\{\w+\}", t[name])) for t in (english, chinese)))

    def test_every_text_is_used_and_every_one_that_is_used_exists(self) -> None:
        reader = read()
        named = {
            value for name in ("text", "label", "hint") for value in reader.values(f"data-{name}")
        }
        quoted = set(re.findall(r'"(\w+)"', sources()))
        self.assertEqual(named - set(texts()["en"]), set())
        said = set(re.findall(r'(?:say\(|setText\([^;]*?, )"(\w+)"', sources()))
        self.assertEqual(said - set(texts()["en"]), set())
        self.assertEqual(set(texts()["en"]) - named - quoted, set())

    def test_words_are_text_and_never_markup(self) -> None:
        html = in_words(
            '<p data-text="a"></p><i data-hint="a" data-label="b"></i>', {"a": '<"&', "b": "ok"}
        )
        self.assertEqual(
            html,
            '<p data-text="a">&lt;"&amp;</p>'
            '<i data-hint="a" placeholder="&lt;&quot;&amp;" data-label="b" aria-label="ok"></i>',
        )

    def test_each_language_stands_in_its_page(self) -> None:
        for language in LANGUAGES:
            html = assemble(language, FACTS).html.decode()
            self.assertIn(f">{texts()[language]['title']}</h1>", html)
