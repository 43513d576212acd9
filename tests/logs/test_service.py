"""The log service: one observer, its console, its file and its clock."""

import json
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.internet.task import Clock
from twisted.logger import ILogObserver, Logger
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from piecesd.logs import Console, LogService
from tests.logs.disks import FullDisk
from tests.logs.sinks import Sink


class LogServiceCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sink = Sink()
        self.path: Path | None = Path(self.mktemp())

    def logs(self, **changes: Any) -> LogService:
        arguments: dict[str, Any] = {
            "clock": self.clock,
            "console": Console(self.sink),
            "path": self.path,
            "format": "text",
            "max_bytes": None,
            "max_age_seconds": None,
            "keep": 3,
            "debug": False,
            "secrets": (),
        }
        return LogService(**(arguments | changes))

    def started(self, **changes: Any) -> LogService:
        logs = self.logs(**changes)
        logs.startService()
        self.addCleanup(logs.stopService)
        return logs

    def file_text(self) -> str:
        assert self.path is not None
        return self.path.read_text()

    def console_text(self) -> str:
        return self.sink.written.decode()


class ObserverTests(LogServiceCase):
    def test_it_is_an_observer(self) -> None:
        verifyObject(ILogObserver, self.logs())

    def test_an_event_goes_to_the_console_at_once_and_to_the_file_within_a_second(self) -> None:
        logs = self.started()
        Logger(namespace="n", observer=logs).info("hello")
        self.assertTrue(self.console_text().endswith("[n#info] hello\n"))
        self.assertEqual(self.file_text(), "")
        self.clock.advance(1)
        self.assertEqual(self.file_text(), self.console_text())

    def test_an_error_is_in_the_file_at_once(self) -> None:
        Logger(observer=self.started()).error("oops")
        self.assertIn("#error] oops\n", self.file_text())

    def test_debug_events_are_left_out_unless_asked_for(self) -> None:
        for debug, expected in ((False, 1), (True, 2)):
            self.sink.written = b""
            log = Logger(observer=self.logs(debug=debug))
            log.debug("whisper")
            log.info("word")
            self.assertEqual(self.console_text().count("\n"), expected)

    def test_an_event_without_a_level_is_not_left_out(self) -> None:
        self.logs()({"log_format": "hello"})
        self.assertIn("#info] hello\n", self.console_text())

    def test_json_lines_go_to_both(self) -> None:
        logs = self.started(format="json")
        Logger(observer=logs).error("{status}", status=502)
        self.assertEqual(json.loads(self.sink.written)["status"], 502)
        self.assertEqual(self.file_text(), self.console_text())

    def test_secrets_are_hidden(self) -> None:
        Logger(observer=self.started(secrets=["k-123"], debug=True)).error("{a}", a=["k-123"])
        self.assertNotIn("k-123", self.console_text() + self.file_text())

    def test_without_a_path_there_is_only_the_console(self) -> None:
        self.path = None
        logs = self.started()
        Logger(observer=logs).error("oops")
        logs.reopen()
        self.assertEqual(self.console_text().count("\n"), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class LifeTests(LogServiceCase):
    def test_the_file_is_opened_by_the_start_and_has_what_came_before(self) -> None:
        logs = self.logs()
        Logger(observer=logs).error("early")
        assert self.path is not None
        self.assertFalse(self.path.exists())
        logs.startService()
        self.addCleanup(logs.stopService)
        self.assertIn("early\n", self.file_text())

    def test_the_stop_leaves_nothing_in_memory_and_nothing_on_the_clock(self) -> None:
        logs = self.logs()
        logs.startService()
        log = Logger(observer=logs)
        log.info("one")
        logs.stopService()
        log.info("two")
        self.assertEqual(self.file_text(), self.console_text())
        self.assertEqual(self.file_text().count("\n"), 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_can_be_started_again(self) -> None:
        logs = self.logs()
        for _ in range(2):
            logs.startService()
            Logger(observer=logs).info("hello")
            self.clock.advance(1)
            logs.stopService()
        self.assertEqual(self.file_text().count("hello\n"), 2)

    def test_a_bug_in_a_flush_is_logged_and_the_loop_goes_on(self) -> None:
        def open_badly(path: Path) -> Any:
            if broken:
                raise ZeroDivisionError
            return disk.open(path)

        disk = FullDisk(free_bytes=1000)
        broken = False
        logs = self.started(opener=open_badly)
        assert self.path is not None
        self.path.unlink()
        broken = True
        Logger(observer=logs).info("hello")
        self.clock.advance(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        broken = False
        self.clock.advance(1)
        self.assertIn("hello\n", self.file_text())


class TroubleTests(LogServiceCase):
    def test_a_full_disk_is_told_on_the_console_once_with_the_count_at_its_end(self) -> None:
        disk = FullDisk(free_bytes=0)
        logs = self.started(opener=disk.open)
        for _ in range(5):
            Logger(observer=logs).info("x" * 300_000)
            Logger(observer=logs).error("oops")
            self.clock.advance(1)
        self.assertEqual(self.console_text().count("Can't write the log file"), 1)
        disk.free_bytes = 1 << 40
        self.clock.advance(1)
        self.assertRegex(self.console_text(), r"is being written again; \d+ lines were lost\.\n")
        self.assertEqual(self.console_text().count("being written again"), 1)
        self.clock.advance(1)
        self.assertIn("being written again", self.file_text())
        self.assertIn("Can't write the log file", self.file_text())

    def test_a_device_that_is_really_full_costs_nothing_but_lines(self) -> None:
        self.path = Path("/dev/full")
        if not self.path.exists():
            raise SkipTest("this system has no /dev/full")
        logs = self.started()
        Logger(observer=logs).error("oops")
        self.clock.advance(1)
        self.assertIn("Can't write the log file /dev/full: No space left", self.console_text())
