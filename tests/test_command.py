"""Where the command's own options lead. tests/integration/test_packaging.py
runs it, tests/deploy/test_packages.py where nothing can be written."""

from typing import Any

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from piecesd.command import Options


def parent_of(*arguments: str) -> dict[str, Any]:
    """What twistd is told by a command line."""
    options = Options()
    options.parent = usage.Options()
    options.parent.update(nodaemon=True, pidfile="")
    options.parseOptions(list(arguments))
    return dict(options.parent)


class OptionsTests(SynchronousTestCase):
    def test_the_command_stays_in_the_foreground(self) -> None:
        self.assertEqual(parent_of("--port", "0"), {"nodaemon": True, "pidfile": ""})

    def test_with_a_pid_file_it_goes_to_the_background(self) -> None:
        expected = {"nodaemon": False, "pidfile": "/run/piecesd.pid"}
        self.assertEqual(parent_of("--background", "/run/piecesd.pid"), expected)
        self.assertEqual(parent_of("-b", "/run/piecesd.pid", "--port=0"), expected)

    def test_a_setting_that_cannot_be_used_ends_it_before_it_leaves(self) -> None:
        with self.assertRaisesRegex(SystemExit, "PORT='x'"):
            parent_of("--background", "pid", "--port", "x")
