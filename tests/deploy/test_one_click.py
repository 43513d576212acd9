"""What Koyeb and Vercel are told, and whether it fits what they allow."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from packaging.requirements import Requirement
from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import SETTINGS, load
from tests.integration.asgi_server import UVICORN, serve
from tests.integration.daemon import ROOT
from tests.integration.web import get, stream_chat
from tests.pages import Page

PAGE = Page(ROOT / "docs/deploy/one-click.md")
BUTTON = ROOT / "deploy/koyeb/button.sh"
VERCEL: Any = json.loads((ROOT / "vercel.json").read_text())
FUNCTION = "api/index.py"
MOST_BYTES = 250_000_000
"""Vercel's limit of a function, unpacked, for all runtimes; more for Python."""

ROOM_BYTES = 60_000_000
"""For what libraries grow by, and what the host adds itself."""


def button(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", str(BUTTON), *arguments], capture_output=True, text=True)


class KoyebTests(SynchronousTestCase):
    def parameters(self, markdown: str) -> dict[str, list[str]]:
        (address,) = re.findall(r"\]\((https://app\.koyeb\.com/deploy\?\S+)\)", markdown)
        return parse_qs(urlsplit(address).query, keep_blank_values=True, separator="&")

    def test_the_button_builds_the_dockerfile_and_watches_its_port(self) -> None:
        told = self.parameters(button("https://github.com/you/mine.git", "stable").stdout)
        only = {name: values[0] for name, values in told.items()}
        self.assertEqual(
            (only["type"], only["repository"], only["branch"], only["builder"]),
            ("git", "github.com/you/mine", "stable", "dockerfile"),
        )
        self.assertTrue((ROOT / only["dockerfile"]).exists())
        port = load({}, None, {}).port
        self.assertIn(f"\nEXPOSE {port}\n", (ROOT / only["dockerfile"]).read_text())
        self.assertEqual(only["ports"], f"{port};http;/")
        self.assertEqual(
            (only[f"hc_protocol[{port}]"], only[f"hc_path[{port}]"]), ("http", "/ping")
        )
        asked = [name[4:-1] for name in only if name.startswith("env[")]
        self.assertLessEqual(set(asked), {setting.name for setting in SETTINGS})

    def test_the_readmes_and_the_page_have_the_buttons_that_it_prints(self) -> None:
        printed = button("github.com/OWNER/piecesd").stdout.strip()
        for page in (Page(ROOT / "README.md"), Page(ROOT / "README.zh-CN.md"), PAGE):
            self.assertIn(printed, page.text, page.path.name)

    def test_what_is_no_repository_is_refused(self) -> None:
        for arguments in ((), ("github.com/you/mine&env[API_KEY]=",), ("a", "b", "c")):
            refused = button(*arguments)
            self.assertEqual((refused.returncode, refused.stdout), (64, ""), arguments)


class VercelTests(SynchronousTestCase):
    def function(self) -> ModuleType:
        spec = spec_from_file_location("index", ROOT / FUNCTION)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def test_every_path_goes_to_the_one_function(self) -> None:
        self.assertEqual(list(VERCEL["functions"]), [FUNCTION])
        self.assertTrue((ROOT / FUNCTION).exists())
        self.assertEqual(
            VERCEL["rewrites"],
            [{"source": "/(.*)", "destination": "/" + FUNCTION.removesuffix(".py")}],
        )

    def test_streams_end_with_a_word_before_the_host_ends_them(self) -> None:
        config = load(self.function().DEFAULTS, None, {})
        most_seconds = VERCEL["functions"][FUNCTION]["maxDuration"]
        assert config.stream_timeout_seconds is not None
        self.assertLess(config.stream_timeout_seconds + 10, most_seconds)
        self.assertIsNone(config.log_file)
        self.assertIsNone(config.blacklist_file)

    def test_all_that_the_function_needs_is_uploaded(self) -> None:
        kept = re.findall(r"^!/(.+)$", (ROOT / ".vercelignore").read_text(), re.M)
        self.assertIn("/*", (ROOT / ".vercelignore").read_text().splitlines())
        for name in kept:
            self.assertTrue((ROOT / name).exists(), name)
        self.assertLessEqual({"api", "piecesd", "pyproject.toml", "vercel.json"}, set(kept))

    def test_it_is_smaller_than_the_host_allows(self) -> None:
        """Its libraries as they are installed here, and no others."""
        needed: dict[tuple[str, str], Distribution] = {}
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        collect(project["dependencies"], set(), needed)
        self.assertIn(("grpcio", ""), needed)
        self.assertNotIn(("openai", ""), needed)
        own = [path for name in ("api", "piecesd") for path in (ROOT / name).rglob("*")]
        total = sum(path.stat().st_size for path in own if path.is_file())
        for each in {name: each for (name, _), each in needed.items()}.values():
            total += installed_bytes(each)
        self.assertLess(total, MOST_BYTES - ROOM_BYTES, f"{total / 1e6:.0f} MB")
        (told,) = re.findall(r"about (\d+) MB", PAGE.text)
        self.assertLess(abs(total / 1e6 - int(told)), 30, f"{total / 1e6:.0f} MB")

    def test_it_serves_from_the_repository_under_its_defaults(self) -> None:
        if sys.flags.safe_path:
            self.skipTest("the current directory is not searched")
        server = serve(
            self, UVICORN, "--app-dir", str(ROOT), application="api.index:app", ECHO_DELAY="0"
        )
        self.assertEqual(get(server.port, "/ping").body, b"pong")
        self.assertTrue(stream_chat(server.port, "hello").is_done)


def collect(
    requirements: Iterable[str], extras: set[str], found: dict[tuple[str, str], Distribution]
) -> None:
    """Put what is required, and all that this requires, into ``found``, by name
    and extra.

    :param extras: of what requires it.
    """
    for requirement in map(Requirement, requirements):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": each}) for each in extras | {""}):
            name = re.sub(r"[-_.]+", "-", requirement.name).lower()
            for extra in requirement.extras | {""}:
                if (name, extra) not in found:
                    found[name, extra] = each = distribution(name)
                    collect(each.requires or (), {extra}, found)


def installed_bytes(each: Distribution) -> int:
    """What its files take, without what Python compiles of them."""
    paths = [each.locate_file(path) for path in each.files or () if path.suffix != ".pyc"]
    return sum(size_of(path) for path in paths)


def size_of(path: Any) -> int:
    return int(path.stat().st_size) if path.exists() else 0
