"""The file of responses in the hands of real processes."""

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.store.file import ResponseFile, StoredResponse, StoreLimits
from tests.integration.daemon import ROOT

LIMITS = StoreLimits(max_responses=10**6, max_bytes=10**9, max_age_seconds=10**9)
BYTES = 20_000

PROGRAM = f"""
import sys
from pathlib import Path
from piecesd.store.file import ResponseFile, StoredResponse, StoreLimits

limits = StoreLimits(max_responses=10**6, max_bytes=10**9, max_age_seconds=10**9)
file = ResponseFile(Path(sys.argv[1]), limits, lambda: 10.0)
print("ready", flush=True)
sys.stdin.readline()
file.open()
for number in range(int(sys.argv[2])):
    text = b"x" * {BYTES}
    file.save(StoredResponse(id=str(number), holder="ann", created_unix=10.0, response=text,
                             input_items=text, item_ids=[str(number)]))
    print(number, flush=True)
"""


class ProcessTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()

    def start(self, responses: int) -> subprocess.Popen[bytes]:
        """A process that is ready to open the file and to store so many."""
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.path), str(responses)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        assert process.stdout is not None
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process

    def test_several_may_make_the_file_at_the_same_time(self) -> None:
        processes = [self.start(0) for _ in range(4)]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
        self.assertEqual([process.wait(20) for process in processes], [0, 0, 0, 0])

    def test_what_was_stored_survives_a_kill_in_the_middle_of_a_write(self) -> None:
        writer = self.start(10**6)
        assert writer.stdin is not None and writer.stdout is not None
        writer.stdin.write(b"\n")
        writer.stdin.flush()
        for _ in range(20):
            writer.stdout.readline()
        writer.kill()
        said, _ = writer.communicate()
        last = int(said.split(b"\n")[-2]) if b"\n" in said else 19
        file = ResponseFile(self.path, LIMITS, lambda: 10.0)
        file.open()
        self.addCleanup(file.close)
        for number in range(last + 1):
            found = file.find(str(number), "ann")
            assert isinstance(found, StoredResponse), number
            self.assertEqual(found.bytes, 2 * BYTES)
        self.assertEqual(file._execute("PRAGMA integrity_check").fetchone(), ("ok",))
