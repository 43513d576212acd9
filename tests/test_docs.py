"""The documentation says what is so: examples are run, tables compared, links followed.

A fenced block with the word ``runnable`` is run against a daemon, and what it
prints is compared with the block after it, but for ids, times and versions.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from shutil import which
from unittest import SkipTest

from grpc import StatusCode
from twisted.trial.unittest import SynchronousTestCase

from piecesd import config, errors
from tests.integration.daemon import PATIENCE_SECONDS, ROOT, start
from tests.pages import Block, Page

README = Page(ROOT / "README.md")
CHINESE_README = Page(ROOT / "README.zh-CN.md")
PAGES = [README, CHINESE_README, *map(Page, sorted((ROOT / "docs").glob("*.md")))]
SETTINGS = {setting.name: setting for setting in config.SETTINGS}

EXAMPLE_SETTINGS = {
    "ECHO_DELAY": "0",
    "ENABLE_MODEL_ROUTE": "true",
    "ENABLE_OLLAMA_API": "true",
    "UPSTREAM_FAULTS": "true",
}
"""Examples that need one of them say so, and the others don't notice."""

_DIFFERS_EACH_TIME = [
    (re.compile(pattern), mask)
    for pattern, mask in [
        (r"chatcmpl-[0-9a-f]{28}", "chatcmpl-"),
        (r"call_[0-9a-f]{24}", "call_"),
        (r"msg_[0-9a-f]{28}", "msg_"),
        (r"req_[0-9a-f]{24}", "req_"),
        (r"resp_[0-9a-f]{28}", "resp_"),
        (r"(msg|fc|fco)_[0-9a-f]{32}", r"\g<1>_"),
        (r'("(?:created|completed)_at": ?)\d+', r"\g<1>0"),
        (r'("chat\.completion(?:\.chunk)?",\s*"created": ?)\d+', r"\g<1>0"),
        (r"Date: .* GMT", "Date: "),
        (r'("created_at": ?)"[^"]*"', r'\g<1>""'),
        (r'("(?:total|prompt_eval|eval)_duration": ?)\d+', r"\g<1>0"),
        (r'(piecesd/|"version": ?")\d[\w.+]*', r"\g<1>0"),
        # Of `GET /`, which the examples before it have changed.
        (
            r'("(?:uptime_seconds|last_second|last_minute|total|in_flight|busy)": ?)[\d.]+',
            r"\g<1>0",
        ),
        (r'("(?:last_minute|history)": ?)\{[^{}]*\}', r"\g<1>{}"),
    ]
]

_NAMED = re.compile(r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=.*)?|([A-Z]+)=.*")
"""Inline code that names a setting; a word without an underscore may be anything."""

_ASSIGNMENT = re.compile(r"\b([A-Z][A-Z0-9_]+)=('[^']*'|\"[^\"]*\"|[^\s\"]+)")
_NOT_SETTINGS = {
    *StatusCode.__members__,
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "ARGS",
    "BENCH_ARGS",
    "HYPOTHESIS_EXAMPLES",
    "MINUTES",
    "OLLAMA_API_KEY",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "PIP_ARGS",
    "NOTIFY_SOCKET",
    "PIECESD_SHARED_DIRECTORY",
    "PIECESD_WORKER",
    "PYTHON",
    "SOAK_ARGS",
    "TESTS",
    "VENV_ARGS",
}
_FORMAT_OF_FIELD = re.compile(r"\{(\w+)[^}]*\}")


def without_what_differs(text: str) -> str:
    for pattern, mask in _DIFFERS_EACH_TIME:
        text = pattern.sub(mask, text)
    return text.replace("\r\n", "\n").strip()


def run(block: Block, port: int) -> str:
    """What a runnable block prints when the daemon is at ``port``.

    :raises SkipTest: it wants curl, and there is none.
    """
    text = block.text.replace("localhost:8787", f"127.0.0.1:{port}")
    if block.language == "sh":
        if which("curl") is None:
            raise SkipTest("no curl here")
        command = ["sh", "-ec", text]
    else:
        command = [sys.executable, "-c", text]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
    ).stdout


def comparable(answer: str, language: str) -> str:
    """An answer in the form in which two are compared; JSON may be laid out
    in any way, but its fields have their order."""
    text = without_what_differs(answer)
    return json.dumps(json.loads(text), indent=1) if language == "json" else text


class ExampleTests(SynchronousTestCase):
    def test_every_example_prints_what_the_page_says(self) -> None:
        port = start(self, **EXAMPLE_SETTINGS).port
        # Those of the Chinese README are the same: another test sees to that.
        for page in (page for page in PAGES if page != CHINESE_README):
            for example, answer in page.examples():
                printed = comparable(run(example, port), answer.language)
                expected = comparable(answer.text, answer.language)
                self.assertEqual(printed, expected, f"{page.path.name}: {example.text}")

    def test_the_pages_that_need_examples_have_some(self) -> None:
        shown = {page.path.name for page in PAGES if list(page.examples())}
        self.assertLessEqual({"README.md", "api.md", "upstreams.md", "operations.md"}, shown)


class PageTests(SynchronousTestCase):
    def test_links_lead_somewhere(self) -> None:
        for page in PAGES:
            for link in page.links:
                if not link.startswith("https://"):
                    self.assertEqual(broken_part(page.path, link), "", f"{page.path.name}: {link}")

    def test_the_index_has_every_page(self) -> None:
        index = {link.partition("#")[0] for link in Page(ROOT / "docs" / "README.md").links}
        pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
        self.assertEqual(pages - index, set())

    def test_the_chinese_readme_has_the_same_blocks_and_headings(self) -> None:
        self.assertEqual(CHINESE_README.blocks, README.blocks)
        self.assertEqual(CHINESE_README.heading_levels, README.heading_levels)
        self.assertEqual(len(CHINESE_README.rows), len(README.rows))

    def test_the_chinese_readme_leads_to_the_same_pages(self) -> None:
        ours = {link for link in README.links if not link.startswith("README")}
        theirs = {link for link in CHINESE_README.links if not link.startswith("README")}
        self.assertEqual(theirs, ours)


def broken_part(page: Path, link: str) -> str:
    """What of a relative link leads nowhere; empty if all of it leads somewhere."""
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    if not target.exists():
        return name
    return anchor if anchor and anchor not in Page(target).anchors else ""


class SettingTests(SynchronousTestCase):
    def test_every_setting_named_exists(self) -> None:
        for page in PAGES:
            for code in page.inline_code:
                if match := _NAMED.fullmatch(code):
                    name = match[1] or match[2]
                    known = name in SETTINGS or name in _NOT_SETTINGS
                    self.assertTrue(known, f"{page.path.name}: {name}")

    def test_every_command_sets_what_can_be_set(self) -> None:
        for page in PAGES:
            for values in commanded_settings(page):
                config.load({}, None, values)

    def test_the_readmes_tables_have_the_real_defaults(self) -> None:
        for page in (README, CHINESE_README):
            rows = [row for row in page.rows if row[0].strip("`") in SETTINGS]
            self.assertGreater(len(rows), 10)
            for name, default, _ in rows:
                real = SETTINGS[name.strip("`")].default
                self.assertEqual(default.strip("`") if "`" in default else "", real, name)


def commanded_settings(page: Page) -> Iterator[Mapping[str, str]]:
    """The settings of each shell command, but for files, which are not here."""
    for block in page.blocks:
        if block.language == "sh":
            for command in block.text.replace("\\\n", " ").splitlines():
                values = {name: value.strip("'\"") for name, value in _ASSIGNMENT.findall(command)}
                values = {n: v for n, v in values.items() if n not in _NOT_SETTINGS}
                unknown = set(values) - set(SETTINGS)
                assert not unknown, f"{page.path}: {unknown}"
                yield {n: v for n, v in values.items() if not n.endswith("_FILE")}


class ReliabilityTests(SynchronousTestCase):
    def test_each_test_that_shows_something_exists(self) -> None:
        named = list(last_cells(Page(ROOT / "docs" / "reliability.md"), "shown in"))
        self.assertGreater(len(named), 10)
        for name in named:
            path, _, test_case = name.partition(": ")
            self.assertIn(f"\nclass {test_case}(", (ROOT / path).read_text(), name)


def last_cells(page: Page, heading: str) -> Iterator[str]:
    """What stands in the last column of the tables where that has such a heading."""
    is_wanted = False
    for row, below in pairwise([*page.rows, [""]]):
        if below[0].startswith("-"):
            is_wanted = row[-1] == heading
        elif is_wanted and not row[0].startswith("-"):
            yield row[-1]


class ErrorTableTests(SynchronousTestCase):
    def test_it_has_every_error_as_it_is(self) -> None:
        rows = [row for row in Page(ROOT / "docs" / "api.md").rows if len(row) == 6]
        head, *table = [row for row in rows if not row[0].startswith("-")]
        self.assertEqual(head, ["error", "status", "type", "code", "English", "Chinese"])
        self.assertEqual(table, list(map(error_row, error_classes())))


def error_classes() -> list[type[errors.ApiError]]:
    """Every error, in the order of errors.py."""
    return [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.ApiError)
    ]


def error_row(error: type[errors.ApiError]) -> list[str]:
    return [
        f"`{error.__name__}`",
        str(error.status),
        f"`{error.type}`",
        "null" if error.code is None else f"`{error.code}`",
        _FORMAT_OF_FIELD.sub(r"{\1}", error.en),
        _FORMAT_OF_FIELD.sub(r"{\1}", error.zh),
    ]
