"""Several processes under one supervisor."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import (
    ROOT,
    START_SECONDS,
    Daemon,
    eventually,
    run_directory,
    start,
    start_in,
    twistd,
)
from tests.integration.web import Exchange, chat, get, open_chat
from tests.integration.workers import (
    REPLACE_SECONDS,
    SERVES,
    Load,
    is_alive,
    open_files,
    pids_of,
)


def is_open(connection: socket.socket) -> bool:
    """Whether the other end has not closed it; nothing is sent on it."""
    try:
        return connection.recv(1, socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def listed_pids(daemon: Daemon) -> list[int]:
    return [each["pid"] for each in get(daemon.port, "/").json["workers"]]


class ServingTests(SynchronousTestCase):
    def start(self, *arguments: str, **settings: str) -> Daemon:
        settings = {"ECHO_DELAY": "0"} | settings
        return start(self, "--workers", "2", *arguments, **settings)

    def test_connections_are_shared_evenly(self) -> None:
        daemon = self.start()
        pids = pids_of(daemon)
        before = [len(open_files(pid)) for pid in pids]
        held = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(40)]

        def counts() -> list[int]:
            now = [len(open_files(pid)) for pid in pids]
            return [many - few for many, few in zip(now, before, strict=True)]

        try:
            self.assertTrue(eventually(lambda: sum(counts()) == len(held)), counts())
            self.assertLessEqual(abs(counts()[0] - counts()[1]), 4)
        finally:
            for each in held:
                each.close()

    def test_the_bound_of_requests_is_for_all_of_them_together(self) -> None:
        daemon = self.start(MAX_CONCURRENT_REQUESTS="2", UPSTREAM_FAULTS="true")
        pids_of(daemon)
        asked: list[Exchange] = []

        def admitted() -> int:
            asked.append(open_chat(daemon.port, "[[fault: after=3 stall]]", stream=True))
            return sum(each.response.status == 200 for each in asked)

        self.assertTrue(eventually(lambda: admitted() == 2))
        self.assertEqual([admitted() for _ in range(6)], [2] * 6)
        for each in asked:
            each.leave()

    def test_so_is_that_of_connections(self) -> None:
        daemon = self.start(MAX_CONNECTIONS="20")
        pids_of(daemon)
        held: list[socket.socket] = []

        def connections() -> int:
            held.append(socket.create_connection(("127.0.0.1", daemon.port)))
            return sum(map(is_open, held))

        try:
            for _ in range(60):
                connections()
            self.assertTrue(eventually(lambda: connections() == 20))
        finally:
            for each in held:
                each.close()

    def test_status_is_that_of_all(self) -> None:
        daemon = self.start()
        pids = pids_of(daemon)
        for _ in range(30):
            self.assertEqual(chat(daemon.port, "hello").status, 200)
        for asked in range(1, 5):
            status = get(daemon.port, "/").json
            self.assertEqual(sorted(each["pid"] for each in status["workers"]), sorted(pids))
            self.assertEqual(status["requests"]["api"]["total"], 30)
            self.assertEqual(status["requests"]["api"]["in_flight"], 0)
            self.assertEqual(status["requests"]["all"]["total"], 30 + asked)
            self.assertEqual(status["pools"]["threads"]["max"], 1024)
        self.assertEqual(get(daemon.port, "/readyz").status, 200)

    def test_a_single_process_lists_no_workers(self) -> None:
        self.assertNotIn("workers", get(start(self).port, "/").json)

    def test_settings_reach_the_workers_and_secrets_only_by_the_environment(self) -> None:
        directory = run_directory(self)
        Path(directory, "mine.env").write_text("API_PREFIX=/other/\nAPI_KEY=from-the-file\n")
        daemon = start_in(
            directory,
            self,
            ["--workers", "2", "--env-file", "mine.env", "--api-key", "sk-option", "--port", "0"],
            {"HOST": "127.0.0.1"},
        )
        headers = {"Authorization": "Bearer sk-option"}
        self.assertEqual(get(daemon.port, "/other/models", headers).status, 200)
        for pid in pids_of(daemon):
            self.assertNotIn(b"sk-option", Path(f"/proc/{pid}/cmdline").read_bytes())

    def test_the_supervisor_has_no_threads_and_less_memory_than_a_worker(self) -> None:
        daemon = self.start()
        worker = int(Path(f"/proc/{pids_of(daemon)[0]}/statm").read_text().split()[1])
        self.assertEqual(daemon.threads, 1)
        self.assertLess(daemon.resident_bytes, 0.8 * worker * os.sysconf("SC_PAGE_SIZE"))
        self.assertNotIn("grpc", Path(f"/proc/{daemon.pid}/maps").read_text())


class FailureTests(SynchronousTestCase):
    def test_a_worker_that_is_killed_is_replaced_and_no_connection_is_refused(self) -> None:
        daemon = start(self, WORKERS="2", ECHO_DELAY="0")
        daemon.failures_expected = True
        pids = pids_of(daemon)
        replies = [chat(daemon.port, "hello") for _ in range(10)]
        time.sleep(1.2)  # each reports once a second
        with Load(lambda: get(daemon.port, "/ping").body) as load:
            time.sleep(0.2)
            os.kill(pids[0], signal.SIGKILL)
            daemon.wait_for(SERVES, REPLACE_SECONDS, times=3)
        self.assertEqual([each for each in load.failures if "Refused" in each], [])
        self.assertLessEqual(len(load.failures), 2)  # what it was just answering
        self.assertGreater(load.done, 20)
        (line,) = daemon.matching("ended without having been told")
        self.assertIn(f"pid {pids[0]}, ended without having been told: signal SIGKILL", line)
        self.assertEqual(sorted(listed_pids(daemon)), sorted(pids_of(daemon, times=3)[1:]))
        status = get(daemon.port, "/").json
        self.assertEqual(status["requests"]["api"]["total"], 10)
        tokens = sum(reply.json["usage"]["completion_tokens"] for reply in replies)
        per_second = status["last_minute"]["output_tokens_per_second"]
        self.assertEqual(per_second, round(tokens / 60, 2))

    def test_workers_do_not_outlive_a_supervisor_that_is_killed(self) -> None:
        daemon = start(self, WORKERS="2", ECHO_DELAY="0.02")
        daemon.failures_expected = True
        pids = pids_of(daemon)
        stream = open_chat(daemon.port, "hello", stream=True)
        stream.next_text()
        os.kill(daemon.pid, signal.SIGKILL)
        self.assertTrue(stream.streamed().is_done)
        self.assertTrue(eventually(lambda: not any(map(is_alive, pids))))
        daemon.kill()

    def test_where_no_worker_can_start_the_daemon_ends_and_says_so(self) -> None:
        directory = run_directory(self)
        environment = {"WORKERS": "2", "PORT": "0", "CPU_AFFINITY": "1000"}
        process = twistd(directory, "pieces", [], environment)
        try:
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"No worker can be started; the daemon ends", output)


class WaysToStartTests(SynchronousTestCase):
    def run_twistd(self, *arguments: str, **settings: str) -> None:
        """Run it in the background, look whether two workers serve, and end it."""
        directory = run_directory(self)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PORT": "0",
            "WORKERS": "2",
        } | settings
        program = "from twisted.scripts.twistd import run; run()"
        subprocess.run(
            [sys.executable, "-c", program, "--pidfile=daemon.pid", *arguments],
            cwd=directory,
            env=environment,
            timeout=START_SECONDS,
            check=True,
        )
        log, pid_file = directory / "twistd.log", directory / "daemon.pid"
        self.assertTrue(eventually(pid_file.exists))
        pid = int(pid_file.read_text())
        try:
            self.assertTrue(
                eventually(lambda: log.exists() and len(re.findall(SERVES, log.read_text())) == 2)
            )
            (port,) = re.findall(r"Listening on http://[^ ]*:(\d+)/", log.read_text())
            self.assertEqual(get(int(port), "/v1/models").status, 200)
            self.assertEqual(len(get(int(port), "/").json["workers"]), 2)
        finally:
            os.kill(pid, signal.SIGTERM)
            self.assertTrue(eventually(lambda: not is_alive(pid)))
        self.assertIn("GET /v1/models -> 200", log.read_text())

    def test_in_the_background(self) -> None:
        self.run_twistd("pieces")

    def test_by_a_tac_file(self) -> None:
        self.run_twistd("-y", str(ROOT / "piecesd.tac"), LOG_FILE="twistd.log")


class StoppingTests(SynchronousTestCase):
    def test_streams_in_all_workers_end_whole(self) -> None:
        daemon = start(self, WORKERS="2", ECHO_DELAY="0.02")
        pids = pids_of(daemon)
        streams = [open_chat(daemon.port, "hello", stream=True) for _ in range(6)]
        for stream in streams:
            stream.next_text()
        daemon.signal(signal.SIGTERM)
        self.assertTrue(all(stream.streamed().is_done for stream in streams))
        self.assertEqual(daemon.exit_status(), 0)
        self.assertFalse(any(map(is_alive, pids)))

    def test_a_second_signal_ends_at_once(self) -> None:
        daemon = start(self, WORKERS="2", UPSTREAM_FAULTS="true")
        pids_of(daemon)
        stream = open_chat(daemon.port, "[[fault: after=3 stall]]", stream=True)
        stream.next_text()
        for times in (1, 3):
            daemon.signal(signal.SIGINT)
            daemon.wait_for("Stopping; requests have", times=times)
        self.assertEqual(stream.streamed().error["code"], "shutting_down")
        self.assertEqual(daemon.exit_status(3.0), 0)

    def test_one_that_had_to_be_killed_shows_in_the_exit_status(self) -> None:
        daemon = start(self, WORKERS="2", DRAIN_TIMEOUT="0")
        daemon.failures_expected = True
        os.kill(pids_of(daemon)[0], signal.SIGSTOP)
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.exit_status(), 1)
        self.assertEqual(len(daemon.matching("draining for too long: killed")), 1)
        daemon._last_status = 1

    def test_nothing_is_left_behind(self) -> None:
        directory = run_directory(self)
        daemon = start_in(
            directory, self, [], {"WORKERS": "2", "PORT": "0", "TMPDIR": str(directory)}
        )
        pids_of(daemon)
        (shared,) = directory.glob("piecesd-*")
        self.assertEqual(shared.stat().st_mode & 0o777, 0o700)
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(shared.exists())


class ReplacementTests(SynchronousTestCase):
    def test_under_load_no_request_fails_and_all_are_new(self) -> None:
        daemon = start(self, WORKERS="2", ECHO_DELAY="0.001")
        old = pids_of(daemon)

        def request() -> None:
            assert open_chat(daemon.port, "hello", stream=True).streamed().is_done

        with Load(request) as load:
            time.sleep(0.3)
            daemon.signal(signal.SIGUSR2)
            daemon.wait_for(SERVES, REPLACE_SECONDS, times=4)
            self.assertTrue(eventually(lambda: not any(map(is_alive, old))))
        self.assertEqual(load.failures, [])
        self.assertGreater(load.done, 20)
        status = get(daemon.port, "/").json
        self.assertEqual(
            sorted(each["pid"] for each in status["workers"]),
            sorted(pids_of(daemon, times=4)[2:]),
        )
        self.assertEqual(status["requests"]["api"]["total"], load.done)

    def test_a_stream_goes_on_in_the_old_one(self) -> None:
        daemon = start(self, WORKERS="2", ECHO_DELAY="0.05")
        pids_of(daemon)
        stream = open_chat(daemon.port, "hello " * 20, stream=True)
        stream.next_text()
        daemon.signal(signal.SIGUSR2)
        self.assertTrue(stream.streamed().is_done)
        pids_of(daemon, times=4)


class LogTests(SynchronousTestCase):
    def test_no_line_is_torn_or_lost_in_rotation(self) -> None:
        daemon = start(
            self, WORKERS="2", LOG_FILE="pieces.log", LOG_MAX_BYTES="4KiB", LOG_KEEP="1000",
            LOG_FORMAT="json",
        )  # fmt: skip
        pids_of(daemon)
        with Load(lambda: get(daemon.port, "/v1/models"), threads=4) as load:
            time.sleep(1.5)
        self.assertEqual(daemon.stop(), 0)
        files = list(daemon.directory.glob("pieces.log*"))
        self.assertGreater(len(files), 5)
        lines = [line for file in files for line in file.read_text().splitlines()]
        self.assertEqual(sorted(lines), sorted(daemon.lines))
        self.assertTrue(all(line[0] + line[-1] == "{}" for line in lines))
        self.assertEqual(len([line for line in lines if "/v1/models" in line]), load.done)
        self.assertTrue(all(file.stat().st_size <= 4096 for file in files))

    def test_sighup_has_all_open_the_file_anew(self) -> None:
        daemon = start(self, WORKERS="2", LOG_FILE="pieces.log")
        pids = pids_of(daemon)
        path = daemon.directory / "pieces.log"
        for number in (signal.SIGHUP, signal.SIGUSR1):
            moved = path.rename(daemon.directory / f"moved-{number.name}")
            daemon.signal(number)

            def reopened(moved: Path = moved) -> bool:
                opened = [open_files(pid) for pid in (daemon.pid, *pids)]
                return all(path in each and moved not in each for each in opened)

            self.assertTrue(eventually(reopened))
