"""docs/clients.md shows the table, with the versions that are pinned."""

import json
import re

from twisted.trial.unittest import SynchronousTestCase

from tests.clients.child import NODE_DIRECTORY
from tests.clients.table import CHECKS, CLIENTS, Client
from tests.integration.daemon import ROOT
from tests.pages import Page

PAGE = Page(ROOT / "docs" / "clients.md")
CLIENTS_DIRECTORY = NODE_DIRECTORY.parent

_PIN = re.compile(r"([\w-]+)==([\w.]+)")


def pins(file_name: str) -> dict[str, str]:
    """The versions of packages of PyPI, by the lines of a file of tests/clients."""
    lines = (CLIENTS_DIRECTORY / file_name).read_text().splitlines()
    matches = [_PIN.fullmatch(line) for line in lines if not line.startswith(("#", "--"))]
    return {match[1]: match[2] for match in matches if match}


def node_pins() -> dict[str, str]:
    manifest = json.loads((NODE_DIRECTORY / "package.json").read_text())
    dependencies: dict[str, str] = manifest["dependencies"]
    return dependencies


def shown_packages(client: Client) -> str:
    versions = pins("requirements.txt") if client.language == "python" else node_pins()
    return ", ".join(f"`{package}` {versions[package]}" for package in client.packages)


class PageTests(SynchronousTestCase):
    def test_the_table_is_what_is_tried(self) -> None:
        head, *rows = [row for row in PAGE.rows if len(row) == 2 + len(CHECKS)]
        self.assertEqual(head, ["client", "API", *CHECKS.values()])
        self.assertEqual(
            [row for row in rows if not row[0].startswith("-")],
            [
                [name, api, *("–" if check in lacks else "✓" for check in CHECKS)]
                for name, client in CLIENTS.items()
                for api, lacks in client.apis.items()
            ],
        )

    def test_what_is_not_tried_has_its_reason(self) -> None:
        for client in CLIENTS.values():
            for lacks in client.apis.values():
                for check, why in lacks.items():
                    self.assertIn(f"- {CHECKS[check]}: {why}", PAGE.text)

    def test_each_client_is_shown_with_its_packages_and_one_snippet(self) -> None:
        for name, client in CLIENTS.items():
            self.assertEqual(len(PAGE.blocks_below(name)), 1, name)
            self.assertIn(f"## {name}\n\n{shown_packages(client)}. ", PAGE.text)


class PinTests(SynchronousTestCase):
    def test_every_version_is_pinned(self) -> None:
        for name in ("requirements.txt", "constraints.txt"):
            lines = (CLIENTS_DIRECTORY / name).read_text().splitlines()
            wanted = [line for line in lines if not line.startswith(("#", "--"))]
            self.assertEqual([line for line in wanted if not _PIN.fullmatch(line)], [], name)
        for version in node_pins().values():
            self.assertRegex(version, r"^\d+\.\d+\.\d+$")

    def test_what_the_clients_bring_is_constrained_with_them(self) -> None:
        requirements, constraints = pins("requirements.txt"), pins("constraints.txt")
        self.assertEqual(requirements, {name: constraints[name] for name in requirements})

    def test_the_lock_of_node_has_checksums_and_names_no_host(self) -> None:
        lock = json.loads((NODE_DIRECTORY / "package-lock.json").read_text())["packages"]
        self.assertEqual(lock.pop("")["dependencies"], node_pins())
        for path, package in lock.items():
            self.assertTrue(package["integrity"].startswith("sha512-"), path)
            self.assertNotIn("resolved", package, path)
