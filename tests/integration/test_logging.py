"""The log of a daemon at work: rotated, reopened, and silent about secrets."""

import json
import re
import signal
from collections import Counter
from functools import partial
from pathlib import Path
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import Daemon, eventually, run_directory, start, start_in
from tests.integration.web import chat, get, open_chat, stream_chat

KEY = "log-key-5e6f"
WORD = "unmistakable"
"""Part of every message that clients send here."""

TEXT_LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d \[[^ ]+#[a-z]+\] .+")
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}


def log_files(daemon: Daemon) -> list[Path]:
    return sorted(daemon.directory.glob("pieces.log*"))


def log_lines(daemon: Daemon) -> list[str]:
    """The lines of all log files, in no order."""
    texts = [path.read_text() for path in log_files(daemon)]
    assert all(text.endswith("\n") for text in texts if text)
    return [line for text in texts for line in text.splitlines()]


def is_in(text: str, path: Path) -> bool:
    return text in path.read_text()


class RotationTests(SynchronousTestCase):
    threads = 4
    requests_per_thread = 60

    def load(self, daemon: Daemon) -> set[str]:
        """Ask from several threads at once; the ids of the requests."""
        ids: list[list[str]] = [[] for _ in range(self.threads)]

        def ask(own: list[str], thread: int) -> None:
            for number in range(self.requests_per_thread):
                headers = {"x-request-id": f"load.{thread}.{number}"}
                if number % 3:
                    reply = get(daemon.port, "/v1/models", headers)
                else:
                    reply = chat(daemon.port, WORD, headers=headers, stream=number % 2 == 0)
                own.append(reply.headers["x-request-id"])

        threads = [Thread(target=ask, args=(own, each)) for each, own in enumerate(ids)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {each for own in ids for each in own}

    def test_under_load_no_line_is_lost_or_torn(self) -> None:
        for log_format in ("text", "json"):
            daemon = start(
                self,
                LOG_FILE="pieces.log",
                LOG_FORMAT=log_format,
                LOG_MAX_BYTES="4KiB",
                LOG_KEEP="1000",
                ECHO_DELAY="0",
            )
            ids = self.load(daemon)
            self.assertEqual(len(ids), self.threads * self.requests_per_thread)
            self.assertEqual(daemon.stop(), 0)
            lines = log_lines(daemon)
            self.assertEqual(Counter(lines), Counter(daemon.lines))
            accessed = Counter(self.request_ids(lines, log_format))
            self.assertEqual(accessed, Counter(ids))
            self.assertGreater(len(log_files(daemon)), 5)
            for path in log_files(daemon):
                self.assertLessEqual(path.stat().st_size, 4096)

    def request_ids(self, lines: list[str], log_format: str) -> list[str]:
        """Of the access lines; all lines are whole."""
        if log_format == "json":
            records = [json.loads(line) for line in lines]
            return [record["request_id"] for record in records if "outcome" in record]
        for line in lines:
            self.assertTrue(TEXT_LINE.fullmatch(line), line)
        return [match[0] for line in lines if (match := re.search(r"load\.\d+\.\d+", line))]

    def test_no_more_files_are_kept_than_wanted(self) -> None:
        daemon = start(self, LOG_FILE="pieces.log", LOG_MAX_BYTES="4KiB", LOG_KEEP="2")
        for _ in range(150):
            get(daemon.port, "/v1/models")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(
            [path.name for path in log_files(daemon)],
            ["pieces.log", "pieces.log.1", "pieces.log.2"],
        )


class ReopeningTests(SynchronousTestCase):
    def test_after_a_rename_a_signal_has_the_file_opened_anew(self) -> None:
        daemon = start(self, LOG_FILE="pieces.log")
        path = daemon.directory / "pieces.log"
        for number in (signal.SIGHUP, signal.SIGUSR1):
            before = f"before-{number.name}"
            get(daemon.port, "/v1/models", {"x-request-id": before})
            moved = path.rename(f"{path}.{number.name}")
            daemon.signal(number)
            self.assertTrue(eventually(path.exists))
            after = f"after-{number.name}"
            get(daemon.port, "/v1/models", {"x-request-id": after})
            self.assertTrue(eventually(partial(is_in, after, path)))
            self.assertNotIn(after, moved.read_text())
            self.assertIn(before, moved.read_text() + path.read_text())
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(Counter(log_lines(daemon)), Counter(daemon.lines))

    def test_a_file_that_is_there_is_appended_to(self) -> None:
        directory = run_directory(self)
        path = directory / "pieces.log"
        path.write_text("an old line\n")
        daemon = start_in(directory, self, settings={"PORT": "0", "LOG_FILE": "pieces.log"})
        self.assertEqual(daemon.stop(), 0)
        lines = path.read_text().splitlines()
        self.assertEqual(lines, ["an old line", *daemon.lines])

    def test_lines_are_in_the_file_within_a_second(self) -> None:
        daemon = start(self, LOG_FILE="pieces.log")
        get(daemon.port, "/v1/models", {"x-request-id": "soon"})
        path = daemon.directory / "pieces.log"
        self.assertTrue(eventually(partial(is_in, "soon", path), 1.0))

    def test_a_file_that_can_not_be_written_costs_lines_and_not_requests(self) -> None:
        for path in ("/dev/full", "missing/pieces.log"):
            daemon = start(self, LOG_FILE=path, ECHO_DELAY="0")
            daemon.failures_expected = True
            for _ in range(20):
                self.assertEqual(chat(daemon.port, "hello").status, 200)
            daemon.wait_for(rf"#error\] Can't write the log file .*{path}: ")
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(len(daemon.matching("Can't write the log file")), 1)


class ContentTests(SynchronousTestCase):
    def ask_everything(self, daemon: Daemon) -> None:
        """Requests that end in every way, all with `WORD` in their text."""
        port = daemon.port
        for headers in ({}, {"Authorization": "Bearer wrong-key-7a8b"}):
            chat(port, WORD, headers=headers)
        for fault in ("", "code=439", "status=INTERNAL", "after=2 reset", "garbage"):
            for stream in (False, True):
                text = f"[[fault: {fault}]] {WORD}" if fault else WORD
                chat(port, text, stream=stream, headers=AUTHORIZED)
        chat(port, WORD, headers=AUTHORIZED, temperature=WORD)
        chat(port, WORD, headers=AUTHORIZED, messages=[{"role": WORD, "content": WORD}])
        chat(port, WORD, headers=AUTHORIZED, messages=[{"role": "user", "content": [WORD]}])
        chat(port, WORD * 20_000, headers=AUTHORIZED, model="gpt-4")
        get(port, f"/v1/models?q={WORD}&key={KEY}", AUTHORIZED)
        leaver = open_chat(port, f"[[fault: stall]] {WORD}", headers=AUTHORIZED)
        leaver.leave()
        daemon.wait_for(" cancelled ")

    def test_keys_and_texts_appear_nowhere(self) -> None:
        for debug, log_format in (("false", "json"), ("true", "text")):
            daemon = start(
                self,
                API_KEY=f"{KEY},another",
                HOST="127.0.0.1",
                DEBUG=debug,
                LOG_FORMAT=log_format,
                LOG_FILE="pieces.log",
                UPSTREAM_FAULTS="true",
                ECHO_DELAY="0",
                MAX_RETRIES="1",
            )
            self.ask_everything(daemon)
            self.assertEqual(daemon.stop(), 0)
            log = "\n".join(log_lines(daemon) + daemon.lines)
            for secret in (KEY, "wrong-key-7a8b") + ((WORD,) if debug == "false" else ()):
                self.assertNotIn(secret, log)

    def test_an_access_line_tells_how_a_request_went(self) -> None:
        daemon = start(self, LOG_FORMAT="json", ECHO_DELAY="0")
        stream_chat(daemon.port, "hello", headers={"x-request-id": "told"}, model="gpt-4")
        daemon.wait_for('"request_id": "told"')
        self.assertEqual(daemon.stop(), 0)
        (line,) = daemon.matching('"request_id": "told"')
        record = json.loads(line)
        for name, value in {
            "method": "POST",
            "path": "/v1/chat/completions",
            "model": "gpt-4",
            "client": "127.0.0.1",
            "status": 200,
            "retries": 0,
            "outcome": "ok",
            "level": "info",
        }.items():
            self.assertEqual(record[name], value, name)
        self.assertGreater(record["pieces"], 10)
        self.assertGreater(record["output_tokens"], 10)
        self.assertGreater(record["input_tokens"], 5)
        self.assertGreater(record["seconds"], record["first_token_seconds"])

    def test_times_are_those_of_the_zone_that_is_set(self) -> None:
        daemon = start(self, TZ="Asia/Shanghai")
        daemon.wait_for(r"^\d{4}-\d\d-\d\dT[\d:.]+\+08:00 \[.*Listening")
