from pathlib import Path
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from piecesd.access.ban_file import BanFile, read_bans, write_bans
from piecesd.access.bans import BanList
from piecesd.access.networks import Networks, parse_network
from piecesd.access.service import SYNC_INTERVAL_SECONDS, BanService
from tests.access.test_bans import NOW, ban
from tests.threads import NoThreads, Thread


class BanServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "bans"
        self.clock = Clock()
        self.clock.advance(NOW)
        self.thread = Thread()
        self.events: list[LogEvent] = []
        observer = cast(ILogObserver, self.events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def start(self, path: Path | None = None) -> tuple[BanList, BanService]:
        bans = BanList(self.clock.seconds, Networks())
        self.threads = NoThreads()
        service = BanService(
            bans,
            BanFile(self.path if path is None else path),
            threads=cast(Any, self.threads),
            run_in_thread=self.thread,
            clock=cast(Any, self.clock),
        )
        service.startService()
        return bans, service

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.clock.advance(SYNC_INTERVAL_SECONDS)

    def addresses(self, bans: BanList) -> list[str]:
        return [each.address for each in bans.current()]

    def in_file(self) -> list[str]:
        return [each.address for each in read_bans(self.path.read_bytes())[0]]

    def logged(self, text: str) -> list[LogEvent]:
        return [event for event in self.events if text in str(event.get("log_format"))]

    def test_bans_outlive_the_daemon(self) -> None:
        bans, service = self.start()
        bans.add(ban("192.0.2.7"))
        self.successResultOf(service.stopService())
        self.assertEqual(self.addresses(self.start()[0]), ["192.0.2.7"])

    def test_changes_are_written_within_a_second_and_together(self) -> None:
        bans, _ = self.start()
        bans.add(ban("192.0.2.1"))
        bans.add(ban("192.0.2.2"))
        self.assertFalse(self.path.exists())
        self.tick()
        self.assertEqual(self.in_file(), ["192.0.2.1", "192.0.2.2"])
        self.assertFalse(bans.is_changed)

    def test_nothing_is_written_or_read_while_nothing_changes(self) -> None:
        self.path.write_bytes(write_bans([ban("192.0.2.7")]))
        self.start()
        self.thread.at_once = False
        self.tick(10)
        self.assertEqual(self.thread.waiting, [])

    def test_two_daemons_see_each_others_bans_and_lifts(self) -> None:
        one, _ = self.start()
        other, _ = self.start()
        one.add(ban("192.0.2.1"))
        other.add(ban("192.0.2.2"))
        self.tick(2)
        self.assertEqual(self.addresses(one), ["192.0.2.1", "192.0.2.2"])
        self.assertEqual(self.addresses(other), ["192.0.2.1", "192.0.2.2"])
        other.lift(parse_network("192.0.2.1"))
        self.tick(2)
        self.assertEqual(self.addresses(one), ["192.0.2.2"])
        one.lift_all()
        self.tick(2)
        self.assertEqual((self.addresses(other), self.in_file()), ([], []))

    def test_a_file_that_was_edited_or_removed_is_followed(self) -> None:
        bans, _ = self.start()
        self.path.write_bytes(b"# by hand\n" + write_bans([ban("192.0.2.7")]))
        self.tick()
        self.assertEqual(self.addresses(bans), ["192.0.2.7"])
        (event,) = self.logged("passed over")
        self.assertEqual(event["count"], 1)
        self.path.unlink()
        self.tick()
        self.assertEqual(self.addresses(bans), [])

    def test_what_changes_while_the_disk_is_slow_is_kept(self) -> None:
        bans, service = self.start()
        self.thread.at_once = False
        bans.add(ban("192.0.2.1"))
        self.tick()
        bans.add(ban("192.0.2.2"))
        self.tick(5)
        self.assertEqual(len(self.thread.waiting), 1)
        stopped = service.stopService()
        self.thread.step()
        self.assertEqual(self.addresses(bans), ["192.0.2.1", "192.0.2.2"])
        self.assertNoResult(stopped)
        self.thread.step()
        self.successResultOf(stopped)
        self.assertEqual(self.in_file(), ["192.0.2.1", "192.0.2.2"])
        self.assertFalse(self.threads.running)

    def test_while_the_file_fails_bans_hold_and_it_is_said_once(self) -> None:
        missing = self.folder / "later"
        bans, _ = self.start(missing / "bans")
        bans.add(ban("192.0.2.7", seconds=600))
        self.tick(5)
        self.assertEqual(self.addresses(bans), ["192.0.2.7"])
        self.assertEqual(len(self.logged("can't be kept up to date")), 1)
        missing.mkdir()
        self.path = missing / "bans"
        self.tick()
        self.assertEqual(self.in_file(), ["192.0.2.7"])
        self.assertEqual(len(self.logged("up to date again")), 1)

    def test_a_file_that_can_not_be_read_stops_the_start(self) -> None:
        self.path.mkdir()
        self.assertRaises(OSError, self.start)

    def test_bans_that_ended_are_forgotten_without_a_file_too(self) -> None:
        bans = BanList(self.clock.seconds, Networks())
        service = BanService(
            bans,
            None,
            threads=cast(Any, NoThreads()),
            run_in_thread=self.thread,
            clock=cast(Any, self.clock),
        )
        service.startService()
        bans.add(ban("192.0.2.7", seconds=10))
        self.tick(21)
        self.assertEqual((len(bans), bans.is_changed), (0, False))
        self.successResultOf(service.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])
