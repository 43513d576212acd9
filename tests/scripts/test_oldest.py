"""What is installed as the oldest versions is what pyproject.toml says."""

import re
import tomllib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from scripts.oldest import OF_THEIR_TIME, constraints

PYPROJECT = Path(__file__).parent.parent.parent / "pyproject.toml"


def of(*dependencies: str) -> list[str]:
    return [each for each in constraints(dependencies) if each not in OF_THEIR_TIME]


class ConstraintTests(SynchronousTestCase):
    def test_the_lower_bound_is_the_version(self) -> None:
        self.assertEqual(of("klein>=24.8", "grpcio>=1.71.2,<2"), ["klein==24.8", "grpcio==1.71.2"])

    def test_extras_are_left_out(self) -> None:
        self.assertEqual(of("twisted[tls]>=24.7"), ["twisted==24.7"])

    def test_a_dependency_without_a_lower_bound_is_an_error(self) -> None:
        for dependency in ("klein", "klein<25", "klein==24.8"):
            self.assertRaises(ValueError, of, dependency)

    def test_every_dependency_of_the_package_has_one(self) -> None:
        project = tomllib.loads(PYPROJECT.read_text())["project"]
        self.assertEqual(len(of(*project["dependencies"])), len(project["dependencies"]))


class SelectionTests(SynchronousTestCase):
    TOOLS = frozenset({"bench", "clients", "deploy", "integration", "scripts", "soak"})
    TOOLS_MODULES = frozenset({"test_docs", "test_hatch_build", "test_layering"})

    def test_every_unit_test_runs_with_the_oldest_libraries(self) -> None:
        """But for those of this repository's tools."""
        makefile = (PYPROJECT.parent / "Makefile").read_text().replace("\\\n", " ")
        (value,) = re.findall(r"(?m)^OLDEST_TESTS = (.*)$", makefile)
        tests = PYPROJECT.parent / "tests"
        rooms = {path.parent.name for path in tests.glob("*/__init__.py")} - self.TOOLS
        modules = {path.stem for path in tests.glob("test_*.py")} - self.TOOLS_MODULES
        selected = set(value.split())
        units = {name for name in selected if not name.startswith("tests.integration.")}
        self.assertEqual(units, {f"tests.{name}" for name in rooms | modules})
        for name in selected - units:
            self.assertTrue((PYPROJECT.parent / f"{name.replace('.', '/')}.py").exists(), name)
