"""What a daemon holds, then and now."""

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from soak.footprint import Footprint, excess, footprint, is_idle, processes

THEN = Footprint(pid=7, open_files=100, threads=10, resident_bytes=1_000)


class FootprintTests(SynchronousTestCase):
    def test_a_tenth_more_is_where_it_was(self) -> None:
        now = Footprint(pid=7, open_files=110, threads=3, resident_bytes=1_100)
        self.assertEqual(now.excess_over(THEN), [])

    def test_more_than_that_is_named(self) -> None:
        now = Footprint(pid=7, open_files=111, threads=12, resident_bytes=900)
        self.assertEqual(
            now.excess_over(THEN), ["open_files: 111 after 100", "threads: 12 after 10"]
        )

    def test_of_several_processes_each_is_compared_with_itself(self) -> None:
        now = {"supervisor": THEN, "worker 0": replace(THEN, threads=12), "worker 1": THEN}
        then = {"supervisor": THEN, "worker 0": THEN}
        self.assertEqual(excess(now, then), ["worker 0: threads: 12 after 10"])

    def test_another_process_is_not_compared(self) -> None:
        self.assertEqual(
            replace(THEN, pid=8).excess_over(THEN), ["pid 8 is another process than 7"]
        )

    def test_a_connection_to_an_upstream_does_not_count(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as upstream:
            ports = frozenset({upstream.getsockname()[1]})
            before = footprint(os.getpid(), ports)
            with socket.create_connection(upstream.getsockname()):
                self.assertEqual(footprint(os.getpid(), ports).open_files, before.open_files)
                now = footprint(os.getpid(), frozenset())
                self.assertEqual(now.open_files, before.open_files + 1)

    def test_a_file_that_is_opened_counts(self) -> None:
        before = footprint(os.getpid(), frozenset())
        with Path(os.devnull).open():
            now = footprint(os.getpid(), frozenset())
            self.assertEqual(now.open_files, before.open_files + 1)
        self.assertGreater(before.resident_bytes, 1_000_000)


class ProcessesTests(SynchronousTestCase):
    def test_a_daemon_alone_is_one_process(self) -> None:
        self.assertEqual(processes(1, {"requests": {}}), {"daemon": 1})

    def test_workers_are_named_by_their_numbers(self) -> None:
        status = {"workers": [{"worker": 1, "pid": 30}, {"worker": 0, "pid": 20}]}
        self.assertEqual(processes(1, status), {"supervisor": 1, "worker 0": 20, "worker 1": 30})


class IdleTests(SynchronousTestCase):
    def status(self, *, calls: int = 0, busy: int = 0, requests: int = 0) -> Any:
        return {
            "pools": {"services": {"gpt": [{"in_flight": calls}]}, "threads": {"busy": busy}},
            "requests": {"api": {"in_flight": requests}},
        }

    def test_calls_threads_and_requests_are_work(self) -> None:
        self.assertTrue(is_idle(self.status()))
        for working in (self.status(calls=1), self.status(busy=1), self.status(requests=1)):
            self.assertFalse(is_idle(working))
