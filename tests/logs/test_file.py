"""The log file: buffered, rotated, and in trouble only by itself."""

import os
import threading
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import LogEvent, Logger
from twisted.trial.unittest import SynchronousTestCase

from piecesd.logs.append_file import RawFile, open_raw
from piecesd.logs.file import MAX_BUFFER_BYTES, LogFile
from piecesd.logs.lock import FileLock
from tests.logs.disks import FullDisk
from tests.logs.test_formatting import in_zone

UNLIMITED_BYTES = 1 << 62


class LogFileCase(SynchronousTestCase):
    def setUp(self) -> None:
        in_zone(self, "UTC")
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.path = self.directory / "pieces.log"
        self.clock = Clock()
        self.clock.advance(1_000_000_000)
        self.news: list[LogEvent] = []

    def log_file(self, **changes: Any) -> LogFile:
        arguments: dict[str, Any] = {
            "max_bytes": None,
            "max_age_seconds": None,
            "keep": 3,
            "log": Logger(observer=self.news.append),  # type: ignore[arg-type]  # any callable
            "wall_seconds": self.clock.seconds,
        }
        file = LogFile(self.path, **(arguments | changes))
        self.addCleanup(file.stop)
        return file

    def started(self, **changes: Any) -> LogFile:
        file = self.log_file(**changes)
        file.start()
        return file

    def text(self, suffix: str = "") -> str:
        return self.path.with_name(self.path.name + suffix).read_text()

    def files(self) -> list[str]:
        return sorted(each.name for each in self.directory.iterdir())

    def whole_log(self) -> str:
        """All files one after another, the oldest first."""
        numbered = sorted(
            (each for each in self.directory.iterdir() if each != self.path),
            key=lambda each: -int(each.suffix[1:]),
        )
        return "".join(each.read_text() for each in [*numbered, self.path])

    def news_formats(self) -> list[str]:
        return [event["log_format"] for event in self.news]


class BufferTests(LogFileCase):
    def test_no_file_is_touched_before_the_start(self) -> None:
        file = self.log_file()
        file.append(b"early\n", urgent=True)
        self.assertEqual(self.files(), [])
        file.start()
        self.assertEqual(self.text(), "early\n")

    def test_lines_wait_until_they_are_flushed(self) -> None:
        file = self.started()
        file.append(b"line\n", urgent=False)
        self.assertEqual(self.text(), "")
        file.flush()
        self.assertEqual(self.text(), "line\n")

    def test_an_urgent_line_goes_out_at_once_and_in_order(self) -> None:
        file = self.started()
        file.append(b"first\n", urgent=False)
        file.append(b"error\n", urgent=True)
        self.assertEqual(self.text(), "first\nerror\n")

    def test_a_full_buffer_does_not_wait_for_the_clock(self) -> None:
        file = self.started()
        for _ in range(70):
            file.append(b"x" * 1023 + b"\n", urgent=False)
        self.assertGreaterEqual(len(self.text()), 65_536)

    def test_a_file_is_never_cut_short_at_the_start(self) -> None:
        self.path.write_text("old\n")
        self.started().append(b"new\n", urgent=True)
        self.assertEqual(self.text(), "old\nnew\n")

    def test_after_the_stop_lines_are_still_written(self) -> None:
        file = self.started()
        file.append(b"line\n", urgent=False)
        file.stop()
        self.assertEqual(self.text(), "line\n")
        file.append(b"last word\n", urgent=False)
        self.assertEqual(self.text(), "line\nlast word\n")

    def test_too_many_lines_before_the_start_lose_the_oldest_and_are_counted(self) -> None:
        file = self.log_file()
        for number in range(1100):
            file.append(b"%04d" % number + b"x" * 1019 + b"\n", urgent=False)
        file.start()
        self.assertEqual(len(self.text()), MAX_BUFFER_BYTES)
        self.assertTrue(self.text().startswith("0076"))
        self.assertEqual([event["lost"] for event in self.news], [76])

    def test_a_line_larger_than_the_buffer_is_lost_alone(self) -> None:
        file = self.started()
        file.append(b"before\n", urgent=False)
        file.append(b"x" * (MAX_BUFFER_BYTES + 1), urgent=True)
        file.flush()
        self.assertEqual(self.text(), "before\n")
        self.assertEqual([event["lost"] for event in self.news], [1])


class SizeTests(LogFileCase):
    def test_a_file_that_would_grow_too_large_is_rotated_first(self) -> None:
        file = self.started(max_bytes=12)
        for line in (b"one 1\n", b"two 2\n", b"three\n"):
            file.append(line, urgent=True)
        self.assertEqual((self.text(".1"), self.text()), ("one 1\ntwo 2\n", "three\n"))

    def test_a_line_longer_than_a_file_has_a_file_of_its_own(self) -> None:
        file = self.started(max_bytes=4)
        for line in (b"long line\n", b"a\n"):
            file.append(line, urgent=True)
        self.assertEqual((self.text(".1"), self.text()), ("long line\n", "a\n"))

    def test_only_so_many_old_files_are_kept(self) -> None:
        file = self.started(max_bytes=3, keep=2)
        for number in range(5):
            file.append(b"%d\n" % number, urgent=True)
        self.assertEqual(self.files(), ["pieces.log", "pieces.log.1", "pieces.log.2"])
        self.assertEqual(self.whole_log(), "2\n3\n4\n")

    def test_under_load_from_many_threads_no_line_is_lost_or_torn(self) -> None:
        file = self.started(max_bytes=10_000, keep=1000)

        def emit(thread: int) -> None:
            for number in range(2000):
                file.append(b"%d %d end\n" % (thread, number), urgent=number % 10 == 0)

        threads = [threading.Thread(target=emit, args=(each,)) for each in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        file.flush()
        lines = self.whole_log().splitlines()
        for thread in range(4):
            own = [line for line in lines if line.startswith(f"{thread} ")]
            self.assertEqual(own, [f"{thread} {number} end" for number in range(2000)])
        self.assertEqual(len(lines), 8000)
        self.assertLessEqual(max(each.stat().st_size for each in self.directory.iterdir()), 10_000)

    def test_what_is_no_regular_file_is_never_rotated(self) -> None:
        os.mkfifo(self.path)
        reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        file = self.started(max_bytes=4)
        for _ in range(3):
            file.append(b"line\n", urgent=True)
        self.assertEqual(self.files(), ["pieces.log"])
        self.assertEqual(os.read(reader, 100), b"line\nline\nline\n")

    def test_where_files_can_not_be_renamed_the_file_grows_and_it_is_said_once(self) -> None:
        file = self.started(max_bytes=4, keep=1)
        blocker = self.path.with_name("pieces.log.1")
        blocker.mkdir()
        (blocker / "inside").touch()
        for _ in range(3):
            file.append(b"line\n", urgent=True)
        self.assertEqual(self.text(), "line\nline\nline\n")
        self.assertEqual(len(self.news), 1)
        self.assertIn("Can't rotate", self.news_formats()[0])


class AgeTests(LogFileCase):
    def test_a_new_day_begins_a_new_file(self) -> None:
        file = self.started(max_age_seconds=86400)
        file.append(b"monday\n", urgent=True)
        self.clock.advance(86400)
        file.append(b"tuesday\n", urgent=True)
        self.assertEqual((self.text(".1"), self.text()), ("monday\n", "tuesday\n"))

    def test_a_quiet_file_is_rotated_by_the_clock_alone_and_an_empty_one_never(self) -> None:
        file = self.started(max_age_seconds=86400)
        file.append(b"monday\n", urgent=True)
        for _ in range(3):
            self.clock.advance(86400)
            file.flush()
        self.assertEqual(self.files(), ["pieces.log", "pieces.log.1"])

    def test_yesterdays_file_is_rotated_at_the_start(self) -> None:
        self.path.write_text("yesterday\n")
        yesterday = self.clock.seconds() - 86400
        os.utime(self.path, (yesterday, yesterday))
        self.started(max_age_seconds=86400).append(b"today\n", urgent=True)
        self.assertEqual((self.text(".1"), self.text()), ("yesterday\n", "today\n"))

    def test_a_clock_that_goes_back_changes_nothing(self) -> None:
        now = self.clock.seconds()
        file = self.started(max_age_seconds=60, wall_seconds=lambda: now)
        file.append(b"1\n", urgent=True)
        now -= 3600
        file.append(b"2\n", urgent=True)
        self.assertEqual(self.text(), "1\n2\n")


class MovedTests(LogFileCase):
    def test_after_a_move_and_reopen_lines_go_to_a_new_file(self) -> None:
        file = self.started()
        file.append(b"old\n", urgent=True)
        file.append(b"waiting\n", urgent=False)
        self.path.rename(self.path.with_suffix(".0"))
        file.reopen()
        self.assertEqual(self.path.with_suffix(".0").read_text(), "old\n")
        self.assertEqual(self.text(), "waiting\n")

    def test_a_move_without_a_signal_is_noticed_at_the_next_line(self) -> None:
        file = self.started()
        file.append(b"old\n", urgent=True)
        self.path.rename(self.path.with_suffix(".0"))
        file.append(b"new\n", urgent=True)
        self.assertEqual(self.text(), "new\n")

    def test_a_file_that_was_cut_short_from_outside_goes_on(self) -> None:
        file = self.started(max_bytes=10)
        file.append(b"old line\n", urgent=True)
        os.truncate(self.path, 0)
        file.append(b"new line\n", urgent=True)
        self.assertEqual(self.text(), "new line\n")
        self.assertEqual(self.files(), ["pieces.log"])


class TroubleTests(LogFileCase):
    def test_a_full_disk_is_said_once_and_the_lines_follow_when_there_is_room(self) -> None:
        disk = FullDisk(free_bytes=8)
        file = self.started(opener=disk.open)
        for number in range(3):
            file.append(b"line %d\n" % number, urgent=True)
            file.flush()
        self.assertEqual(self.text(), "line 0\n")
        self.assertEqual(len(self.news), 1)
        self.assertIn("Can't write", self.news_formats()[0])
        self.assertEqual(self.news[0]["reason"], "No space left on device")
        disk.free_bytes = UNLIMITED_BYTES
        file.flush()
        self.assertEqual(self.text(), "line 0\nline 1\nline 2\n")
        self.assertEqual(len(self.news), 2)
        self.assertEqual(self.news[1]["lost"], 0)

    def test_what_does_not_fit_in_memory_is_counted(self) -> None:
        disk = FullDisk(free_bytes=0)
        file = self.started(opener=disk.open)
        for _ in range(1034):
            file.append(b"x" * 1023 + b"\n", urgent=True)
        disk.free_bytes = UNLIMITED_BYTES
        file.flush()
        self.assertEqual(self.news[-1]["lost"], 10)
        self.assertEqual(len(self.text()), MAX_BUFFER_BYTES)

    def test_while_it_fails_only_the_clock_tries_again(self) -> None:
        attempts = []

        def open_nowhere(path: Path) -> RawFile:
            attempts.append(path)
            raise PermissionError(13, "Permission denied")

        file = self.started(opener=open_nowhere)
        for _ in range(100):
            file.append(b"error\n", urgent=True)
        self.assertEqual(len(attempts), 1)
        file.flush()
        self.assertEqual(len(attempts), 2)

    def test_a_directory_that_appears_later_is_used_then(self) -> None:
        self.path = self.directory / "later" / "pieces.log"
        file = self.started()
        file.append(b"line\n", urgent=True)
        self.path.parent.mkdir()
        file.flush()
        self.assertEqual(self.text(), "line\n")
        self.assertEqual([event["log_level"].name for event in self.news], ["error", "warn"])

    def test_a_log_event_that_arises_in_a_write_is_kept_and_tears_nothing(self) -> None:
        """As a signal handler's does, which runs in the thread it interrupts."""

        class Interrupted:
            def __init__(self, raw: RawFile) -> None:
                self.truncate, self.fileno, self.close = raw.truncate, raw.fileno, raw.close
                self._raw = raw

            def write(self, data: bytes | memoryview, /) -> int | None:
                if bytes(data) == b"line\n":
                    file.append(b"signal\n", urgent=True)
                return self._raw.write(data)

        file = self.log_file(opener=lambda path: Interrupted(open_raw(path)))
        file.start()
        file.append(b"line\n", urgent=True)
        self.assertEqual(self.text(), "line\nsignal\n")


class SharedFileTests(LogFileCase):
    """Two objects stand for two processes: each has its own lock object, its own
    descriptors and its own view of the file."""

    def shared(self, **changes: Any) -> LogFile:
        lock_path = self.directory.with_name(f"{self.directory.name}.lock")
        return self.started(lock=FileLock(lock_path), **changes)

    def test_one_finds_the_file_that_another_has_rotated(self) -> None:
        one, other = self.shared(max_bytes=20), self.shared(max_bytes=20)
        for number in range(10):
            for each in (one, other):
                each.append(b"line %d\n" % number, urgent=True)
        numbers = [int(line.split()[1]) for line in self.whole_log().splitlines()]
        self.assertEqual(numbers, [number for number in range(6, 10) for _ in range(2)])

    def test_the_size_is_that_of_what_both_have_written(self) -> None:
        one, other = self.shared(max_bytes=20), self.shared(max_bytes=20)
        for each in (one, other, one, other):
            each.append(b"12345678\n", urgent=True)
        self.assertEqual((self.text(), self.text(".1")), ("12345678\n" * 2,) * 2)

    def test_a_day_ends_once(self) -> None:
        one, other = self.shared(max_age_seconds=86_400), self.shared(max_age_seconds=86_400)
        for each in (one, other):
            each.append(b"today\n", urgent=True)
        self.clock.advance(86_400)
        one.append(b"tomorrow\n", urgent=True)
        os.utime(self.path, (self.clock.seconds(), self.clock.seconds()))
        other.append(b"tomorrow\n", urgent=True)
        self.assertEqual((self.text(), self.text(".1")), ("tomorrow\n" * 2, "today\n" * 2))
        self.assertEqual(len(self.files()), 2)
