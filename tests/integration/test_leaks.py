"""What hundreds of requests leave behind in the daemon: nothing."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import Daemon, at, eventually, start, start_upstream
from tests.integration.status import assert_idle
from tests.integration.web import chat, open_chat

MEBIBYTE = 1024 * 1024
CLIENTS = 8
ROUNDS = 12
"""Of 20 requests each."""

FEW = 3
MAX_IDLE_THREADS = 20


def one_of_each(daemon: Daemon, _round: int) -> None:
    """A request of every kind, for both services. Any of them may fail: another
    client's reset may hit its connection."""
    port = daemon.port
    for model in ("gpt-4o", "gemini-1.5-pro"):
        chat(port, "hello", model=model)
        chat(port, "hello", model=model, stream=True, n=2)
        chat(port, "hello", model=model, stream=True, stop="demonstration", max_tokens=100)
        chat(port, "[[fault: status=UNAVAILABLE]]", model=model)
        chat(port, "[[fault: after=2 status=INTERNAL]]", model=model, stream=True)
        chat(port, "[[fault: after=2 reset]]", model=model, stream=True)
        for text, stream in (
            ("[[fault: stall]]", False),
            ("[[fault: stall]]", True),
            ("[[fault: after=2 stall]]", True),
            ("[[fault: pieces=300 size=5000]]", True),
        ):
            client = open_chat(port, text, model=model, stream=stream)
            if text != "[[fault: stall]]":
                assert client.response.status in (200, 502)
            client.leave()


class LeakTests(SynchronousTestCase):
    def run_rounds(self, daemon: Daemon, rounds: int) -> None:
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(partial(one_of_each, daemon), range(rounds)))
        assert_idle(daemon)

    def test_threads_files_and_memory_stay_as_they_were(self) -> None:
        upstream = start_upstream(self)
        daemon = start(self, **at(upstream), MAX_RETRIES="0", SCALE_INTERVAL="1")
        self.run_rounds(daemon, ROUNDS)
        self.assert_few_threads(daemon)
        open_files, resident_bytes = daemon.open_files, daemon.resident_bytes
        for _ in range(3):
            self.run_rounds(daemon, ROUNDS)
        self.assert_few_threads(daemon)
        self.assertLessEqual(daemon.open_files, open_files + FEW)
        self.assertLess(daemon.resident_bytes - resident_bytes, 15 * MEBIBYTE)

    def assert_few_threads(self, daemon: Daemon) -> None:
        """Idle threads go, some at each interval; gRPC's own stay."""
        self.assertTrue(eventually(lambda: daemon.threads <= MAX_IDLE_THREADS), daemon.threads)
