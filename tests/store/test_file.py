import os
import sqlite3
import stat
from dataclasses import replace
from pathlib import Path
from threading import Timer

from twisted.trial.unittest import SynchronousTestCase

from piecesd.store.file import CantOpen, NoRoom, ResponseFile, StoreLimits
from tests.store.support import LIMITS, NOW, record


class FileTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = NOW
        self.path = Path(self.mktemp())

    def opened(self, limits: StoreLimits = LIMITS, *, in_memory: bool = False) -> ResponseFile:
        file = ResponseFile(None if in_memory else self.path, limits, lambda: self.now)
        self.addCleanup(file.close)
        file.open()
        return file

    def found(self, file: ResponseFile, ids: str) -> str:
        """Those of ``ids``, each one letter, that are there."""
        return "".join(each for each in ids if file.find(each, "ann"))


class KeepingTests(FileTestCase):
    def test_what_is_kept_is_found_as_it_was(self) -> None:
        for in_memory in (True, False):
            file = self.opened(in_memory=in_memory)
            kept = record("a", response=b'{"text":"\xe4\xb8\xad"}')
            file.save(kept)
            self.assertEqual(file.find("a", "ann"), replace(kept, item_ids=()))
            self.assertIsNone(file.find("b", "ann"))

    def test_it_is_there_after_a_restart(self) -> None:
        file = self.opened()
        file.save(record("a"))
        file.close()
        self.assertEqual(self.found(self.opened(), "a"), "a")

    def test_all_that_use_the_file_see_it_at_once(self) -> None:
        one, other = self.opened(), self.opened()
        one.save(record("a"))
        self.assertEqual(self.found(other, "a"), "a")
        other.delete("a", "ann")
        self.assertEqual(self.found(one, "a"), "")

    def test_who_opens_it_waits_for_another_who_does(self) -> None:
        """As workers do that start together, while the file is still a new one."""
        other = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN EXCLUSIVE")
        release = Timer(0.2, other.execute, ["COMMIT"])
        release.start()
        self.opened().save(record("a"))
        release.join()
        other.close()

    def test_others_do_not_see_it(self) -> None:
        file = self.opened()
        file.save(record("a"))
        for holder in ("bob", ""):
            self.assertIsNone(file.find("a", holder))
            self.assertIsNone(file.find_by_item("msg_a", holder))
            self.assertFalse(file.delete("a", holder))
        self.assertEqual(self.found(file, "a"), "a")

    def test_a_response_is_found_by_an_item_that_began_with_it(self) -> None:
        file = self.opened()
        for each in ("a", "b"):
            file.save(record(each, item_ids=("msg_1", f"msg_{each}")))
        for item_id, expected in (("msg_a", "a"), ("msg_b", "b"), ("msg_1", "b")):
            found = file.find_by_item(item_id, "ann")
            assert found is not None
            self.assertEqual(found.id, expected)
        self.assertIsNone(file.find_by_item("msg_2", "ann"))

    def test_what_is_deleted_is_gone(self) -> None:
        file = self.opened()
        file.save(record("a", response=b'{"secret":"walrus"}'))
        self.assertTrue(file.delete("a", "ann"))
        self.assertFalse(file.delete("a", "ann"))
        self.assertIsNone(file.find("a", "ann"))
        self.assertIsNone(file.find_by_item("msg_a", "ann"))
        file.close()
        self.assertNotIn(b"walrus", self.path.read_bytes())


class LimitTests(FileTestCase):
    def test_the_oldest_go_when_there_are_too_many(self) -> None:
        file = self.opened()
        for each in "abcdefg":
            file.save(record(each))
        self.assertEqual(self.found(file, "abcdefg"), "cdefg")

    def test_the_oldest_go_when_they_are_too_large(self) -> None:
        file = self.opened(replace(LIMITS, max_bytes=35))
        for each in "abc":
            file.save(record(each))
        self.assertEqual(self.found(file, "abc"), "abc")
        file.save(record("d", response=b"x" * 22))
        self.assertEqual(self.found(file, "abcd"), "cd")

    def test_one_that_is_too_large_does_away_with_nothing(self) -> None:
        file = self.opened()
        file.save(record("a"))
        self.assertRaises(NoRoom, file.save, record("b", response=b"x" * 1000))
        self.assertEqual(self.found(file, "ab"), "a")

    def test_what_is_too_old_is_not_found(self) -> None:
        file = self.opened()
        file.save(record("a"))
        self.now = NOW + 99
        self.assertEqual(self.found(file, "a"), "a")
        self.now = NOW + 100
        self.assertIsNone(file.find("a", "ann"))
        self.assertIsNone(file.find_by_item("msg_a", "ann"))
        self.assertFalse(file.delete("a", "ann"))

    def test_what_is_too_old_goes_when_it_is_looked_for_or_something_is_kept(self) -> None:
        for act in (ResponseFile.sweep, lambda file: file.save(record("b", created_unix=self.now))):
            file = self.opened()
            self.now = NOW
            file.save(record("a"))
            self.now = NOW + 100
            act(file)
            self.now = NOW
            self.assertEqual(self.found(file, "a"), "")


class OpeningTests(FileTestCase):
    def test_nobody_else_may_read_the_file(self) -> None:
        old_mask = os.umask(0)
        self.addCleanup(os.umask, old_mask)
        self.opened().save(record("a"))
        for path in self.path.parent.glob(self.path.name + "*"):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)

    def test_what_is_no_store_is_left_as_it_is(self) -> None:
        other = sqlite3.connect(self.path)
        other.execute("CREATE TABLE notes (text TEXT)")
        other.close()
        self.assertRaises(CantOpen, self.opened)
        self.path.write_bytes(b"no database" * 100)
        error = self.assertRaises(CantOpen, self.opened)
        self.assertIn(str(self.path), str(error))
        self.assertEqual(self.path.read_bytes(), b"no database" * 100)

    def test_a_store_of_a_later_version_is_not_touched(self) -> None:
        self.opened().close()
        other = sqlite3.connect(self.path)
        other.execute("PRAGMA user_version = 99")
        other.close()
        error = self.assertRaises(CantOpen, self.opened)
        self.assertIn("99", str(error))

    def test_a_folder_that_is_not_there_is_named(self) -> None:
        self.path = self.path / "none" / "store"
        self.assertIn("none", str(self.assertRaises(CantOpen, self.opened)))


class BrokenTests(FileTestCase):
    def test_a_full_disk_is_an_error_and_changes_nothing(self) -> None:
        file = self.opened(replace(LIMITS, max_bytes=1 << 20))
        file.save(record("a"))
        (pages,) = file._execute("PRAGMA page_count").fetchone()
        file._execute(f"PRAGMA max_page_count = {pages + 2}")
        big = record("b", response=b"x" * 100_000)
        error = self.assertRaises(sqlite3.OperationalError, file.save, big)
        self.assertIn("full", str(error))
        self.assertEqual(self.found(file, "ab"), "a")
        file.save(record("c"))
        self.assertEqual(self.found(file, "abc"), "ac")
