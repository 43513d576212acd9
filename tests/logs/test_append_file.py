"""Whole lines go into a file, or nothing of them."""

import os
from errno import EAGAIN, ENOSPC
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from piecesd.logs.append_file import AppendFile, open_raw
from tests.logs.disks import FullDisk


class AppendFileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def open(self, disk: FullDisk | None = None) -> AppendFile:
        file = AppendFile(self.path, open_raw if disk is None else disk.open)
        self.addCleanup(file.close)
        return file

    def test_what_stands_in_the_file_stays(self) -> None:
        self.path.write_bytes(b"old\n")
        self.assertEqual(self.open().write([b"new\n"]), (1, None))
        self.assertEqual(self.path.read_bytes(), b"old\nnew\n")

    def test_it_is_not_for_everybody_to_read(self) -> None:
        self.open()
        self.assertEqual(self.path.stat().st_mode & 0o007, 0)

    def test_a_disk_that_fills_in_mid_line_keeps_only_whole_lines(self) -> None:
        disk = FullDisk(free_bytes=12)
        whole, error = self.open(disk).write([b"first\n", b"second\n", b"third\n"])
        assert error is not None
        self.assertEqual((whole, error.errno), (1, ENOSPC))
        self.assertEqual(self.path.read_bytes(), b"first\n")

    def test_the_rest_follows_once_there_is_room(self) -> None:
        disk = FullDisk(free_bytes=3)
        file = self.open(disk)
        self.assertEqual(file.write([b"first\n"])[0], 0)
        disk.free_bytes = 100
        self.assertEqual(file.write([b"first\n"]), (1, None))
        self.assertEqual(self.path.read_bytes(), b"first\n")

    def test_it_is_in_place_until_it_is_moved_or_replaced(self) -> None:
        file = self.open()
        self.assertTrue(file.is_in_place())
        self.path.rename(self.path.with_suffix(".old"))
        self.assertFalse(file.is_in_place())
        self.path.touch()
        self.assertFalse(file.is_in_place())

    def test_a_pipe_without_a_reader_fails_instead_of_blocking(self) -> None:
        os.mkfifo(self.path)
        with self.assertRaises(OSError):
            self.open()

    def test_a_full_pipe_fails_instead_of_blocking(self) -> None:
        os.mkfifo(self.path)
        reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        file = self.open()
        self.assertFalse(file.is_regular)
        error = None
        for _ in range(2000):
            _, error = file.write([b"x" * 1023 + b"\n"])
            if error is not None:
                break
        assert error is not None
        self.assertEqual(error.errno, EAGAIN)

    def test_the_systems_own_full_device_takes_nothing(self) -> None:
        self.path = Path("/dev/full")
        if not self.path.exists():
            raise SkipTest("this system has no /dev/full")
        whole, error = self.open().write([b"line\n"])
        assert error is not None
        self.assertEqual((whole, error.errno), (0, ENOSPC))
