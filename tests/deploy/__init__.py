"""The files of deploy/, run as really as this machine can.

Tests that alter the machine (users, services, files outside of the tree) run
only where `ALTERING` is set: `make test-deploy` and CI set it.
"""

import os
from shutil import which

ALTERING = os.environ.get("PIECESD_TEST_DEPLOY") == "1"


def missing(*programs: str) -> str:
    """Why a test that runs ``programs`` on an altered machine can't run here;
    empty where it can. For ``skipIf(reason, reason)``."""
    if not ALTERING:
        return "alters the machine: make test-deploy runs it"
    if os.geteuid() != 0:
        return "needs root"
    absent = [program for program in programs if which(program) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""
