import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from piecesd.shared.processes import is_alive


class IsAliveTests(SynchronousTestCase):
    def test_a_process_is_alive_until_it_has_ended(self) -> None:
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self.assertTrue(is_alive(process.pid))
        process.communicate(b"\n")
        self.assertFalse(is_alive(process.pid))

    def test_one_of_another_user_is_alive(self) -> None:
        def refuse(_pid: int, _signal: int) -> None:
            raise PermissionError

        self.patch(os, "kill", refuse)
        self.assertTrue(is_alive(1))
