"""What a daemon holds, then and now."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from soak.footprint import Footprint, footprint

THEN = Footprint(open_files=100, threads=10, resident_bytes=1_000)


class FootprintTests(SynchronousTestCase):
    def test_a_tenth_more_is_where_it_was(self) -> None:
        now = Footprint(open_files=110, threads=3, resident_bytes=1_100)
        self.assertEqual(now.excess_over(THEN), [])

    def test_more_than_that_is_named(self) -> None:
        now = Footprint(open_files=111, threads=12, resident_bytes=900)
        self.assertEqual(
            now.excess_over(THEN), ["open_files: 111 after 100", "threads: 12 after 10"]
        )

    def test_a_file_that_is_opened_counts(self) -> None:
        before = footprint(os.getpid())
        with Path(os.devnull).open():
            self.assertEqual(footprint(os.getpid()).open_files, before.open_files + 1)
        self.assertGreater(before.resident_bytes, 1_000_000)
