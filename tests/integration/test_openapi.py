"""A daemon is what its description says: schemathesis calls it by that."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.openapi.operations import OPERATIONS
from tests.integration.daemon import ROOT, run_directory, start

_SEED = 20240701
_EXAMPLES = 5
"""The most of an operation in each phase, beside those that follow from its schema."""
_SAME_ELSEWHERE = r"^/\{path_model\}/|^/anthropic/v1/messages"
"""What is served under another path as well, by the same code."""

_MANY = 100
"""Requests; there are twice as many, or something is amiss."""
_PATIENCE_SECONDS = 80.0
_EXCERPT_CHARACTERS = 8000

_PHASES = ("examples", "coverage", "fuzzing")
_OURS = ("piecesd", "daemon", "bans")

_SETTINGS = {
    "API_KEY": "key",
    "ADMIN_KEY": "admin-key",
    "METRICS_TOKEN": "metrics-token",
    "DEFAULT_MODEL": "gpt-4o",
    "ENABLE_MODEL_ROUTE": "true",
    "ENABLE_OLLAMA_API": "true",
    "ECHO_DELAY": "0",
}
"""All that is described is served; names of models that nobody knows are answered."""

_CONFIGURATION = """
hooks = "tests.integration.openapi_hooks"
[auth.openapi.bearer]
bearer = "key"
[auth.openapi.header]
api_key = "key"
[auth.openapi.admin]
bearer = "admin-key"
[auth.openapi.metrics]
bearer = "metrics-token"
"""


class SchemathesisTests(SynchronousTestCase):
    """All checks of schemathesis are on. What no schema can say, openapi_hooks
    tells it. Each part has a daemon of its own, or it would be too old at the end."""

    def test_it_finds_nothing_in_what_openai_has(self) -> None:
        self.look_at("OpenAI")

    def test_it_finds_nothing_in_responses(self) -> None:
        self.look_at("Responses", one_after_another=True)

    def test_it_finds_nothing_in_what_anthropic_has(self) -> None:
        self.look_at("Anthropic")

    def test_it_finds_nothing_in_what_ollama_has(self) -> None:
        # It can't read lines of JSON. tests/openapi has a look at them.
        self.look_at("Ollama", warned=("missing_deserializer",))

    def test_it_finds_nothing_in_what_only_piecesd_has(self) -> None:
        self.look_at(*_OURS, one_after_another=True)

    def test_that_was_all(self) -> None:
        tags = {operation.tag for operation in OPERATIONS.values()}
        self.assertEqual(tags, {"OpenAI", "Responses", "Anthropic", "Ollama", *_OURS})

    def look_at(
        self, *tags: str, one_after_another: bool = False, warned: Sequence[str] = ()
    ) -> None:
        """Have it call what bears one of ``tags``.

        :param one_after_another: also what was made and then shown and deleted.
        """
        phases = [*_PHASES, "stateful"] if one_after_another else _PHASES
        port = start(self, **_SETTINGS).port
        directory = run_directory(self)
        report = directory / "report.json"
        configuration = directory / "schemathesis.toml"
        configuration.write_text(_CONFIGURATION)
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration)),
                *("run", f"http://127.0.0.1:{port}/v1/openapi.json", "--checks", "all"),
                *(option for tag in tags for option in ("--include-tag", tag)),
                *("--phases", ",".join(phases)),
                *("--exclude-path-regex", _SAME_ELSEWHERE),
                *("--seed", str(_SEED), "--max-examples", str(_EXAMPLES), "--no-color"),
                *("--generation-database", "none", "--report-json-path", str(report)),
            ],
            cwd=directory,
            env={"PYTHONPATH": str(ROOT), "PATH": str(Path(sys.executable).parent)},
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
        self.assertEqual(run.returncode, 0, run.stdout[-_EXCERPT_CHARACTERS:] + run.stderr)
        found = json.loads(report.read_text())
        self.assertEqual(found["operations"]["tested"], found["operations"]["selected"])
        self.assertGreater(found["test_cases"]["generated"], _MANY)
        self.assertEqual({name for name, of in found["warnings"].items() if of}, {*warned})
        self.assertEqual(
            {name for name, phase in found["phases"].items() if phase["status"] == "success"},
            {*phases},
            found["phases"],
        )
