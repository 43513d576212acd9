"""What the daemon does to its process, tried in child processes."""

import os
import subprocess
import sys
from pathlib import Path
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

from piecesd.process import daemon_threads

ROOT = Path(__file__).parent.parent


def run(code: str) -> str:
    """The output of a Python program of its own."""
    program = f"import gc, os, time\nfrom piecesd import process\n{code}"
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout.strip()


class ConnectionTests(SynchronousTestCase):
    def test_the_limit_of_open_files_bounds_connections(self) -> None:
        for open_files, expected in ((64, "32"), (1024, "824"), (4096, "1000")):
            output = run(
                "import resource\n"
                f"resource.setrlimit(resource.RLIMIT_NOFILE, ({open_files}, {open_files}))\n"
                "print(process.connections_that_fit(1000))"
            )
            self.assertEqual(output, expected)


class CoreTests(SynchronousTestCase):
    @skipUnless(hasattr(os, "sched_getaffinity"), "the system has no such call")
    def test_auto_keeps_the_process_on_one_core_it_may_use(self) -> None:
        output = run("print(process.pin_to_cores('auto') == os.sched_getaffinity(0))")
        self.assertEqual(output, "True")
        self.assertEqual(run("print(len(process.pin_to_cores('auto')))"), "1")

    @skipUnless(hasattr(os, "sched_getaffinity"), "the system has no such call")
    def test_daemons_that_are_each_process_1_of_a_container_spread(self) -> None:
        output = run(
            "os.getpid = lambda: 1\n"
            "os.sched_getaffinity = lambda pid: {0, 1, 2, 3}\n"
            "os.sched_setaffinity = lambda pid, cores: None\n"
            "print(*{core for _ in range(200) for core in process.pin_to_cores('auto')})"
        )
        self.assertEqual(set(output.split()), {"0", "1", "2", "3"})

    @skipUnless(hasattr(os, "sched_getaffinity"), "the system has no such call")
    def test_a_list_is_followed(self) -> None:
        core = min(os.sched_getaffinity(0))
        output = run(f"process.pin_to_cores(frozenset({{{core}}})); print(os.sched_getaffinity(0))")
        self.assertEqual(output, f"{{{core}}}")

    @skipUnless(hasattr(os, "sched_getaffinity"), "the system has no such call")
    def test_off_changes_nothing(self) -> None:
        self.assertEqual(
            run("print(process.pin_to_cores('off'), len(os.sched_getaffinity(0)))"),
            f"None {len(os.sched_getaffinity(0))}",
        )

    @skipUnless(hasattr(os, "sched_getaffinity"), "the system has no such call")
    def test_cores_that_do_not_exist_are_an_error(self) -> None:
        code = "try: process.pin_to_cores(frozenset({1000}))\nexcept OSError: print('refused')"
        self.assertEqual(run(code), "refused")

    @skipUnless(hasattr(os, "sched_getaffinity"), "the system has no such call")
    def test_workers_take_turns_at_the_cores(self) -> None:
        cores = sorted(os.sched_getaffinity(0))
        for affinity in ("'auto'", f"frozenset({cores})"):
            for worker in range(len(cores) + 1):
                output = run(f"print(*process.pin_to_cores({affinity}, worker={worker}))")
                self.assertEqual(output, str(cores[worker % len(cores)]))


class GarbageTests(SynchronousTestCase):
    def test_what_exists_is_frozen_and_the_young_are_looked_at_less_often(self) -> None:
        output = run(
            "process.tune_garbage_collection()\n"
            "print(gc.get_freeze_count() > 1000, gc.get_threshold()[0])"
        )
        self.assertEqual(output, "True 10000")

    def test_rings_of_objects_do_not_come_together_by_the_thousand(self) -> None:
        """As those of requests that have lived for a while."""
        output = run(
            "from collections import deque\n"
            "class Ring:\n"
            "    living = most = 0\n"
            "    def __init__(self):\n"
            "        self.ring, self.parts = self, [[] for _ in range(100)]\n"
            "        Ring.living += 1\n"
            "        Ring.most = max(Ring.most, Ring.living)\n"
            "    def __del__(self):\n"
            "        Ring.living -= 1\n"
            "process.tune_garbage_collection()\n"
            "in_use = deque(maxlen=500)\n"
            "for _ in range(15_000): in_use.append(Ring())\n"
            "print(Ring.most < 3_000 or Ring.most)"
        )
        self.assertEqual(output, "True")


class TimeZoneTests(SynchronousTestCase):
    def test_a_zone_becomes_the_local_one(self) -> None:
        self.assertEqual(
            run("process.set_time_zone('Asia/Shanghai'); print(time.tzname[0])"), "CST"
        )

    def test_none_leaves_the_systems(self) -> None:
        self.assertEqual(
            run("process.set_time_zone(''); print(time.tzname)"), run("print(time.tzname)")
        )


class ThreadTests(SynchronousTestCase):
    def test_no_thread_is_born_before_the_pool_starts(self) -> None:
        pool = daemon_threads("test", 3)
        self.assertEqual(pool.threads, [])

    def test_its_threads_do_not_keep_the_process_alive(self) -> None:
        output = run(
            "pool = process.daemon_threads('test', 3); pool.start()\n"
            "pool.callInThread(time.sleep, 60); print('done', flush=True)"
        )
        self.assertEqual(output, "done")
