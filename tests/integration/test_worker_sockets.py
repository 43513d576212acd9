"""Several workers at endpoints of several kinds, and one that hangs."""

import contextlib
import os
import signal
import socket
import stat
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import write_certificate
from tests.integration.daemon import Daemon, eventually, run_directory, twistd
from tests.integration.endpoints import (
    MODELS,
    ListeningCase,
    answer,
    name_of,
    to_tcp,
    to_tls,
    to_unix,
)
from tests.integration.web import get
from tests.integration.workers import (
    REPLACE_SECONDS,
    SERVES,
    Load,
    is_alive,
    open_files,
    pids_of,
)

S = TypeVar("S", bound=socket.socket)

WORKERS = {"WORKERS": "2"}
LOADED = "Loaded the certificate"
PROXY = b"PROXY TCP4 192.0.2.7 127.0.0.1 5 6\r\n"


class EndpointsTests(ListeningCase):
    """TCP, a socket file, TLS and PROXY headers, all served by two workers."""

    def setUp(self) -> None:
        super().setUp()
        self.renew("one")
        self.daemon = self.start(
            f"unix:{self.path}:mode=600",
            "ssl:0:interface=127.0.0.1:privateKey=key.pem:certKey=cert.pem",
            "haproxy:tcp:0:interface=127.0.0.1",
            METRICS_LISTEN="0",
            **WORKERS,
        )
        self.pids = pids_of(self.daemon)
        self.tcp, self.proxied = self.ports(self.daemon, "http")
        (self.tls,) = self.ports(self.daemon, "https")
        self.ways: list[Callable[[], socket.socket]] = [
            lambda: to_tcp(self.tcp),
            lambda: to_unix(self.path),
            lambda: to_tls(self.tls),
            self.through_proxy,
        ]

    def renew(self, common_name: str) -> None:
        write_certificate(self.directory / "key.pem", self.directory / "cert.pem", common_name)

    def through_proxy(self) -> socket.socket:
        connection = to_tcp(self.proxied)
        connection.sendall(PROXY)
        return connection

    def hold(self, connect: Callable[[], S], count: int) -> list[S]:
        held = [connect() for _ in range(count)]
        for each in held:
            self.addCleanup(each.close)
        return held

    def test_all_workers_serve_all_of_them_evenly_and_count_as_one(self) -> None:
        before = [len(open_files(pid)) for pid in self.pids]
        held = [each for connect in self.ways for each in self.hold(connect, 5)]

        def counts() -> list[int]:
            now = [len(open_files(pid)) for pid in self.pids]
            return [many - few for many, few in zip(now, before, strict=True)]

        self.assertTrue(eventually(lambda: sum(counts()) == len(held)), counts())
        self.assertLessEqual(abs(counts()[0] - counts()[1]), 4)
        for each in held:
            self.assertIn(b'"gpt-4o"', answer(each, MODELS))
        status = get(self.tcp, "/").json
        self.assertEqual(status["requests"]["api"]["total"], len(held))
        self.assertEqual(sorted(each["pid"] for each in status["workers"]), sorted(self.pids))
        self.daemon.wait_for(r"#info\] 192\.0\.2\.7 GET /v1/models -> 200", times=5)
        served = b'piecesd_requests_total{model="",route="/v1/models",status="200"} 20.0'
        port = int(self.daemon.wait_for(r"Metrics on http://127\.0\.0\.1:(\d+)/metrics")[1])
        self.assertTrue(eventually(lambda: served in get(port, "/metrics").body))

    def test_the_socket_file_is_the_supervisors(self) -> None:
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.daemon.failures_expected = True
        os.kill(self.pids[0], signal.SIGKILL)
        self.daemon.wait_for(SERVES, REPLACE_SECONDS, times=3)
        self.assert_pong(to_unix(self.path))
        self.assertEqual(self.daemon.stop(), 0)
        self.assertFalse(self.path.exists())

    def test_one_that_a_killed_supervisor_has_left_is_replaced(self) -> None:
        self.daemon.failures_expected = True
        os.kill(self.daemon.pid, signal.SIGKILL)
        self.assertTrue(eventually(lambda: not any(map(is_alive, self.pids))))
        self.daemon.kill()
        self.assertTrue(self.path.exists())
        self.start(f"unix:{self.path}", **WORKERS)
        self.assert_pong(to_unix(self.path))

    def test_a_hangup_loads_the_new_certificate_in_all_workers_without_a_log_file(self) -> None:
        old = self.hold(partial(to_tls, self.tls), 6)
        self.assertEqual({name_of(each) for each in old}, {"one"})
        self.renew("two")
        self.daemon.signal(signal.SIGHUP)
        self.daemon.wait_for(LOADED, times=2)
        new = self.hold(partial(to_tls, self.tls), 6)
        self.assertEqual({name_of(each) for each in new}, {"two"})
        for each in (*old, *new):
            self.assertTrue(answer(each).endswith(b"pong"))
        self.assertEqual(len(self.daemon.matching(LOADED)), 2)

    def test_replacing_the_workers_refuses_nobody_at_any_of_them(self) -> None:
        def ping(connect: Callable[[], socket.socket]) -> None:
            self.assert_pong(connect())

        loads = [Load(partial(ping, each), threads=1, pause_seconds=0.03) for each in self.ways]
        with contextlib.ExitStack() as stack:
            for load in loads:
                stack.enter_context(load)
            time.sleep(0.3)
            self.daemon.signal(signal.SIGUSR2)
            self.daemon.wait_for(SERVES, REPLACE_SECONDS, times=4)
            self.assertTrue(eventually(lambda: not any(map(is_alive, self.pids))))
        self.assertEqual([load.failures for load in loads], [[]] * len(loads))
        self.assertTrue(all(load.done > 10 for load in loads))


class RefusalTests(ListeningCase):
    def test_a_certificate_that_can_not_be_used_ends_the_start_in_one_line(self) -> None:
        endpoint = "ssl:0:interface=127.0.0.1:privateKey=key.pem"
        key = self.directory / "key.pem"
        self.assertEqual(
            self.refusal(f"unix:{self.path}", endpoint, **WORKERS),
            f"piecesd: can't listen on {endpoint}: can't read {key}: No such file or directory",
        )
        self.assertFalse(self.path.exists())

    def test_an_endpoint_that_can_not_be_had_does_so_too(self) -> None:
        self.path.write_text("precious")
        endpoint = f"unix:{self.path}"
        self.assertEqual(
            self.refusal(endpoint, **WORKERS),
            f"piecesd: can't listen on {endpoint}: {self.path} is there already, and no socket",
        )


class HangingTests(SynchronousTestCase):
    def test_a_worker_that_hangs_is_killed_and_replaced(self) -> None:
        directory = run_directory(self)
        # A question each 0.8 seconds, and not each five.
        impatience = "import piecesd.workers.fleet as fleet; fleet.ASK_SECONDS = 0.8; "
        settings = {"PORT": "0", "ECHO_DELAY": "0"} | WORKERS
        daemon = Daemon(
            twistd(directory, "pieces", [], settings, before=impatience),
            directory,
            listening=r"Listening on http://[^ ]*:(\d+)/",
        )
        self.addCleanup(daemon.end, self)
        daemon.failures_expected = True
        hanging, other = pids_of(daemon)
        os.kill(hanging, signal.SIGSTOP)
        self.assertEqual(get(daemon.port, "/ping").body, b"pong")
        daemon.wait_for(rf"pid {hanging}, hangs: no answer for 9\.6s: killed", REPLACE_SECONDS)
        daemon.wait_for(SERVES, REPLACE_SECONDS, times=3)
        self.assertTrue(eventually(lambda: not is_alive(hanging)))
        self.assertEqual(len(daemon.matching("hangs")), 1)
        listed = [each["pid"] for each in get(daemon.port, "/").json["workers"]]
        self.assertEqual(sorted(listed), sorted([other, pids_of(daemon, times=3)[2]]))
