"""The metrics of real daemons, and a reactor that is really held up."""

import signal
import socket
import time
from typing import Any, cast

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase, TestCase

from piecesd.metrics.lag import ReactorLag
from tests.integration.daemon import Daemon, eventually, start
from tests.integration.web import chat, get, open_chat
from tests.integration.workers import REPLACE_SECONDS, is_alive, pids_of

HELD_UP_SECONDS = 0.4

Series = dict[tuple[str, str], float]


def metrics(port: int, **headers: str) -> Series:
    """Each value by its name and its labels, which are put in one text."""
    reply = get(port, "/metrics", headers)
    assert reply.status == 200, reply.body
    return {
        (sample.name, ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
    }


def own_port(daemon: Daemon) -> int:
    return int(daemon.wait_for(r"Metrics on http://127\.0\.0\.1:(\d+)/metrics")[1])


class MetricsTests(SynchronousTestCase):
    def test_requests_show_in_them(self) -> None:
        daemon = start(self, ECHO_DELAY="0.01")
        open_chat(daemon.port, "Hi", stream=True).streamed()
        get(daemon.port, "/v1/models/made-up-by-a-stranger")
        page = metrics(daemon.port)
        chat = "model=gpt-4o,route=/v1/chat/completions,status=200"
        self.assertEqual(page["piecesd_requests_total", chat], 1)
        self.assertEqual(page["piecesd_first_piece_seconds_count", "model=gpt-4o"], 1)
        self.assertGreater(page["piecesd_piece_wait_seconds_count", ""], 3)
        self.assertGreater(page["piecesd_output_tokens_total", "model=gpt-4o"], 3)
        self.assertEqual(page["piecesd_upstream_channels", "address=embedded,service=gpt"], 5)
        self.assertGreater(page["piecesd_reactor_lag_seconds_count", ""], 1)
        self.assertGreater(page["process_resident_memory_bytes", ""], 1e7)
        self.assertEqual([labels for _, labels in page if "made-up" in labels], [])

    def test_refusals_by_rate_limits_show_in_them(self) -> None:
        daemon = start(self, STRICT_RATE_LIMIT="1", STRICT_RATE_LIMIT_WINDOW="3600", ECHO_DELAY="0")
        self.assertEqual([chat(daemon.port, "Hi").status for _ in "abc"], [200, 429, 429])
        page = metrics(daemon.port)
        self.assertEqual(page["piecesd_limited_requests_total", "limit=strict"], 2)

    def test_a_daemon_with_a_key_shows_them_only_to_those_with_the_token(self) -> None:
        daemon = start(self, HOST="127.0.0.1", API_KEY="k", METRICS_TOKEN="t0ken")
        self.assertEqual(get(daemon.port, "/metrics").status, 401)
        self.assertEqual(get(daemon.port, "/metrics", {"Authorization": "Bearer k"}).status, 401)
        self.assertIn(("piecesd_draining", ""), metrics(daemon.port, Authorization="Bearer t0ken"))

    def test_without_a_token_such_a_daemon_does_not_show_them(self) -> None:
        daemon = start(self, HOST="127.0.0.1", API_KEY="k")
        self.assertEqual(get(daemon.port, "/metrics").status, 404)

    def test_they_can_have_a_port_of_their_own(self) -> None:
        daemon = start(self, METRICS_LISTEN="0")
        self.assertEqual(get(daemon.port, "/metrics").status, 404)
        self.assertIn(("piecesd_draining", ""), metrics(own_port(daemon)))

    def test_workers_show_the_same_on_their_one_port_and_what_has_ended_counts(self) -> None:
        daemon = start(self, WORKERS="2", METRICS_LISTEN="0", ECHO_DELAY="0")
        old, port = pids_of(daemon), own_port(daemon)
        held = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(8)]
        for connection in held:
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost: test\r\n\r\n")
            self.assertIn(b"pong", connection.recv(4096))
            connection.close()
        pings = ("piecesd_requests_total", "model=,route=/ping,status=200")
        threads = ("piecesd_bridge_threads_max", "")

        def all_show(expected: tuple[float, float]) -> bool:
            pages = [metrics(port) for _ in range(6)]
            return all((page.get(pings), page[threads]) == expected for page in pages)

        self.assertTrue(eventually(lambda: all_show((8, 1024))))
        daemon.signal(signal.SIGUSR2)
        self.assertTrue(eventually(lambda: not any(map(is_alive, old)), REPLACE_SECONDS))
        self.assertTrue(eventually(lambda: all_show((8, 1024))))


class ReactorLagTests(TestCase):
    async def test_what_held_the_reactor_up_is_logged(self) -> None:
        events: list[LogEvent] = []
        observer = cast(ILogObserver, events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        seen: list[float] = []
        service = ReactorLag(cast(Any, reactor), seen.append)
        service.startService()
        self.addCleanup(service.stopService)
        await deferLater(cast(Any, reactor), 0.25, hold_up)
        await deferLater(cast(Any, reactor), 0.2)
        (line,) = [formatEvent(event) for event in events if "unsaid" in event]
        self.assertRegex(
            line,
            r"^The reactor was held up for \d\.\d{3}s by test_metrics\.py:\d+ hold_up ",
        )
        self.assertGreater(max(seen), HELD_UP_SECONDS / 2)


def hold_up() -> None:
    time.sleep(HELD_UP_SECONDS)
