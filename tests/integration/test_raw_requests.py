"""Strangers against a real daemon: the table of raw requests, and those who
take their time."""

import re
import socket
import threading
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.http.raw_requests import ANSWERED, GET, HOST, MAX_BODY_BYTES, REFUSED, RawRequest
from tests.integration.daemon import eventually, start
from tests.integration.web import get

WAIT_SECONDS = 10
PROBE_SECONDS = 0.1
PING = GET + HOST + b"\r\n"
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


def statuses_in(received: bytes) -> tuple[int, ...]:
    return tuple(int(status) for status in _STATUS.findall(received))


class RealDaemonTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.daemon = start(
            self,
            ECHO_DELAY="0",
            MAX_BODY_BYTES=str(MAX_BODY_BYTES),
            HEADER_TIMEOUT="2",
            MAX_CONNECTIONS="300",
        )

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.daemon.port), WAIT_SECONDS)

    def probe_seconds(self) -> float:
        """How long a good request of another client takes."""
        began = time.monotonic()
        self.assertEqual(get(self.daemon.port, "/ping").body, b"pong")
        return time.monotonic() - began

    def typical_probe_seconds(self) -> float:
        return sorted(self.probe_seconds() for _ in range(15))[7]

    def received(self, case: RawRequest, *, to_end: bool) -> bytes:
        received = b""
        with self.connect() as connection:
            connection.sendall(case.data)
            while to_end or len(statuses_in(received)) < len(case.statuses):
                data = connection.recv(65536)
                if not data:
                    break
                received += data
        return received

    def test_each_that_is_refused_gets_its_error_and_a_close(self) -> None:
        for case in REFUSED:
            received = self.received(case, to_end=True)
            self.assertEqual(statuses_in(received), case.statuses, case.name)
            self.assertIn(f'"code":"{case.code}"'.encode(), received, case.name)
            self.assertEqual(get(self.daemon.port, "/ping").body, b"pong", case.name)
        self.assertEqual(self.daemon.matching("smuggled"), [])

    def test_each_that_is_right_is_answered(self) -> None:
        for case in ANSWERED:
            received = self.received(case, to_end=False)
            self.assertEqual(statuses_in(received), case.statuses, case.name)

    def test_a_client_that_only_closes_its_half_has_left(self) -> None:
        with self.connect() as connection:
            connection.sendall(PING[:-2])
            connection.shutdown(socket.SHUT_WR)
            self.assertEqual(connection.recv(65536), b"")
        self.probe_seconds()

    def test_a_byte_a_second_is_cut_off_and_a_silence_too(self) -> None:
        with self.connect() as slow, self.connect() as silent:
            for byte in PING[:2]:
                slow.sendall(bytes([byte]))
                self.assertLess(self.typical_probe_seconds(), PROBE_SECONDS)
                time.sleep(0.5)
            self.assertEqual(statuses_in(slow.recv(65536)), (408,))
            self.assertEqual(silent.recv(65536), b"")

    def test_idle_connections_by_the_thousand_make_room_for_others(self) -> None:
        idle = [self.connect() for _ in range(1000)]
        try:
            self.assertLess(self.typical_probe_seconds(), PROBE_SECONDS)
            self.assertLess(self.daemon.open_files, 400)
            self.daemon.wait_for("There are 300 connections")
        finally:
            for each in idle:
                each.close()
        self.assertTrue(eventually(lambda: self.daemon.open_files < 100))

    def test_a_flood_of_requests_at_once_holds_nobody_up(self) -> None:
        over = threading.Event()

        def flood(connection: socket.socket) -> None:
            while not over.is_set():
                connection.sendall(PING * 200)
                received = 0
                while received < 200:
                    received += connection.recv(1 << 20).count(b"pong")

        with self.connect() as connection:
            thread = threading.Thread(target=flood, args=[connection])
            thread.start()
            typical_seconds = self.typical_probe_seconds()
            over.set()
            thread.join()
        self.assertLess(typical_seconds, PROBE_SECONDS)

    def test_a_flood_whose_answers_are_not_read_is_held_back(self) -> None:
        before = self.daemon.resident_bytes
        with self.connect() as connection:
            connection.settimeout(0.5)
            sent = 0
            try:
                while sent < 200_000_000:
                    sent += connection.send(PING * 2000)
            except TimeoutError:
                pass
            self.assertLess(sent, 50_000_000)
            self.assertLess(self.typical_probe_seconds(), PROBE_SECONDS)
            self.assertLess(self.daemon.resident_bytes - before, 20_000_000)
