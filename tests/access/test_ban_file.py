import json
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.access import ban_file
from piecesd.access.ban_file import BanFile, read_bans, write_bans
from piecesd.access.bans import Ban, Changes
from tests.access.strategies import bans
from tests.access.test_bans import NOW, ban

distinct_bans = st.lists(bans, max_size=6, unique_by=lambda each: each.network)

ENTRY = {"address": "192.0.2.7", "since": 1, "until": 2, "violations": 3, "reason": "r"}


class FormatTests(SynchronousTestCase):
    @given(distinct_bans)
    def test_what_is_written_is_read(self, some: list[Ban]) -> None:
        self.assertEqual(read_bans(write_bans(some)), (some, 0))

    def test_an_entry_is_a_line_that_people_can_read(self) -> None:
        self.assertEqual(
            write_bans([ban("192.0.2.0/24")]),
            b'{"address": "192.0.2.0/24", "since": 1700000000, "until": 1700000060, '
            b'"violations": 3, "reason": "wrong key"}\n',
        )

    @given(st.binary())
    def test_any_bytes_are_read_or_passed_over(self, data: bytes) -> None:
        read_bans(data)

    @given(distinct_bans, st.data())
    def test_a_file_that_was_cut_loses_its_last_entry_at_most(
        self, some: list[Ban], data: st.DataObject
    ) -> None:
        written = write_bans(some)
        cut = data.draw(st.integers(0, len(written)))
        whole = written[:cut].count(b"\n")
        read, skipped = read_bans(written[:cut])
        self.assertEqual(read[:whole], some[:whole])
        self.assertIn(read, (some[:whole], some[: whole + 1]))
        self.assertLessEqual(skipped, 1)

    @given(distinct_bans, st.binary().filter(lambda junk: b"\n" not in junk and b"{" not in junk))
    def test_junk_costs_nothing_but_itself(self, some: list[Ban], junk: bytes) -> None:
        lines = write_bans(some).splitlines(keepends=True)
        for place in range(len(lines) + 1):
            data = b"".join([*lines[:place], junk, b"\n", *lines[place:]])
            self.assertEqual(read_bans(data)[0], some)

    def test_an_entry_with_a_wrong_value_is_passed_over(self) -> None:
        wrong: list[dict[str, object]] = [
            {"address": "192.0.2.7/8"},
            {"address": 7},
            {"since": -1},
            {"since": "1"},
            {"until": 1.5},
            {"until": True},
            {"until": 1 << 60},
            {"violations": None},
            {"reason": "two\nlines"},
            {"reason": ["r"]},
        ]
        lines = [json.dumps(ENTRY | each) for each in wrong]
        lines += [
            "[]",
            "7",
            "[" * 3000,
            json.dumps({"address": "::"}),
            "9" * 4000,
            " " * 5000 + "x",
        ]
        data = "\n".join([*lines, json.dumps(ENTRY | {"more": 1})]).encode()
        read, skipped = read_bans(data)
        self.assertEqual(([each.address for each in read], skipped), (["192.0.2.7"], len(lines)))

    def test_the_later_of_two_entries_holds(self) -> None:
        data = write_bans([ban("192.0.2.7"), ban("192.0.2.7", seconds=90)])
        self.assertEqual(read_bans(data), ([ban("192.0.2.7", seconds=90)], 0))


class BanFileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "bans"
        self.file = BanFile(self.path)

    def change(self, *added: Ban, now_unix: float = NOW) -> list[Ban]:
        changes = Changes(by_network={each.network: each for each in added})
        return self.file.change(changes, now_unix).bans

    def test_no_file_holds_nothing(self) -> None:
        contents = self.file.read()
        self.assertEqual((contents.bans, contents.signature), ([], None))

    def test_changes_are_added_to_what_it_holds(self) -> None:
        self.change(ban("192.0.2.1"))
        BanFile(self.path).change(Changes(by_network={}), NOW)
        self.change(ban("192.0.2.2"))
        self.assertEqual(self.file.read().bans, [ban("192.0.2.1"), ban("192.0.2.2")])

    def test_bans_that_have_ended_leave_it(self) -> None:
        self.change(ban("192.0.2.1", seconds=10), ban("192.0.2.2"))
        self.assertEqual(self.change(now_unix=NOW + 10), [ban("192.0.2.2")])
        self.assertEqual(self.file.read().bans, [ban("192.0.2.2")])

    def test_each_state_has_a_signature_of_its_own(self) -> None:
        signatures = [self.file.signature()]
        for number in range(5):
            self.change(ban(f"192.0.2.{number}"))
            signatures.append(self.file.signature())
        self.assertEqual(len(set(signatures)), 6)
        self.assertEqual(self.file.read().signature, signatures[-1])

    def test_a_write_that_fails_leaves_it_as_it_was(self) -> None:
        self.change(ban("192.0.2.1"))

        def no_space(_fd: int) -> None:
            raise OSError(28, "No space left on device")

        self.patch(os, "fsync", no_space)
        with self.assertRaises(OSError):
            self.change(ban("192.0.2.2"))
        self.assertEqual(self.file.read().bans, [ban("192.0.2.1")])

    def test_what_a_crash_left_behind_is_not_in_the_way(self) -> None:
        self.path.with_name("bans.new").write_bytes(b"half an ent")
        self.path.write_bytes(write_bans([ban("192.0.2.1")]) + b'{"address": "19')
        self.assertEqual(self.file.read().skipped_lines, 1)
        self.change(ban("192.0.2.2"))
        self.assertEqual(self.path.read_bytes(), write_bans([ban("192.0.2.1"), ban("192.0.2.2")]))

    def test_of_an_enormous_file_only_the_beginning_is_read(self) -> None:
        self.patch(ban_file, "MAX_FILE_BYTES", 1000)
        self.path.write_bytes(write_bans([ban(f"192.0.2.{number}") for number in range(100)]))
        self.assertLess(len(self.file.read().bans), 20)
