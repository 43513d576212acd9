"""What a daemon holds, then and now."""

import os
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from soak.footprint import Footprint, connections_to, footprint

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

    def test_a_connection_to_an_upstream_does_not(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as upstream:
            ports = frozenset({upstream.getsockname()[1]})
            before = footprint(os.getpid(), ports)
            with socket.create_connection(upstream.getsockname()):
                self.assertEqual(connections_to(ports), 1)
                self.assertEqual(footprint(os.getpid(), ports).open_files, before.open_files)

    def test_a_file_that_is_opened_counts(self) -> None:
        before = footprint(os.getpid(), frozenset())
        with Path(os.devnull).open():
            now = footprint(os.getpid(), frozenset())
            self.assertEqual(now.open_files, before.open_files + 1)
        self.assertGreater(before.resident_bytes, 1_000_000)
