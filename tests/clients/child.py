"""Child processes in which clients run, away from the internet and from this home."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from shutil import which

from tests.clients import questions
from tests.clients.table import Client
from tests.integration.daemon import ROOT

KEY = "none"
"""That of the daemon, which is what the snippets of docs/clients.md have."""

TIMEOUT_SECONDS = 60.0

PYTHON = ROOT / ".venv-clients" / "bin" / "python"
NODE_DIRECTORY = ROOT / "tests" / "clients" / "node"

_OFFLINE: Mapping[str, str] = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NEXT_TELEMETRY_DISABLED": "1",
    # What would go out in spite of that finds nobody there.
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1",
}


def missing(client: Client) -> str:
    """Why ``client`` can't run here; empty if it can."""
    if client.language == "python":
        return "" if PYTHON.exists() else "make clients installs it"
    if which("node") is None:
        return "no Node here"
    return "" if (NODE_DIRECTORY / "node_modules").exists() else "make clients installs it"


def failures(client: Client, url: str, home: Path) -> Mapping[tuple[str, str], str | None]:
    """By API and check, how ``client`` failed with the daemon at ``url``, or None.

    :raises CalledProcessError: its script broke.
    """
    if client.language == "python":
        command = [str(PYTHON), "-m", f"tests.clients.python.{client.script}"]
    else:
        command = ["node", str(NODE_DIRECTORY / f"{client.script}.mjs")]
    asked = {name: value for name, value in vars(questions).items() if name.isupper()}
    environment = {
        "PIECESD_URL": url,
        "PIECESD_KEY": KEY,
        "PIECESD_CHECKS": json.dumps(client.checks()),
        "PIECESD_QUESTIONS": json.dumps(asked),
    }
    lines = map(json.loads, _run(command, home, environment).splitlines())
    return {(line["api"], line["check"]): line["failure"] for line in lines}


def output_of_snippet(language: str, code: str, home: Path) -> str:
    """What the code of a page prints.

    :param language: Python, JavaScript, or shell commands.
    :raises CalledProcessError: it ends with an error.
    """
    command = {
        "python": [str(PYTHON), "-c"],
        "js": ["node", "--input-type=module", "--eval"],
        "sh": ["sh", "-ec"],
    }[language]
    return _run([*command, code], home, {})


def _run(command: list[str], home: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        command,
        # Node looks for packages from here.
        cwd=NODE_DIRECTORY,
        env={
            "PATH": f"{PYTHON.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            **_OFFLINE,
            **environment,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
