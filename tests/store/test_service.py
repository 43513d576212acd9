import sqlite3
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from piecesd.errors import StoreUnavailable
from piecesd.store.file import CantOpen, ResponseFile, StoredResponse, StoreLimits
from piecesd.store.service import LATE_SECONDS, SWEEP_INTERVAL_SECONDS, ResponseStore
from tests.store.support import LIMITS, NOW, record
from tests.threads import NoThreads, Thread

T = TypeVar("T")


class SickFile(ResponseFile):
    """Fails for as long as it is sick."""

    sick = False

    def save(self, record: StoredResponse) -> None:
        if self.sick:
            raise sqlite3.OperationalError("database or disk is full")
        super().save(record)

    def find(self, response_id: str, holder: str) -> StoredResponse | None:
        if self.sick:
            raise sqlite3.DatabaseError("disk I/O error")
        return super().find(response_id, holder)

    def sweep(self) -> None:
        if self.sick:
            raise sqlite3.OperationalError("disk I/O error")
        super().sweep()


class ResponseStoreTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.thread = Thread()
        self.threads = NoThreads()
        self.events: list[LogEvent] = []
        observer = cast(ILogObserver, self.events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def start(self, limits: StoreLimits = LIMITS, *, is_shared: bool = False) -> ResponseStore:
        self.file = SickFile(None, limits, self.clock.seconds)
        store = ResponseStore(
            self.file,
            threads=cast(Any, self.threads),
            run_in_thread=self.thread,
            clock=cast(Any, self.clock),
            is_shared=is_shared,
        )
        store.startService()
        self.addCleanup(store.stopService)
        return store

    def outcome(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def test_it_keeps_finds_and_deletes(self) -> None:
        store = self.start()
        self.outcome(store.save(record("a")))
        for found in (
            self.outcome(store.find("a", "ann")),
            self.outcome(store.find_by_item("msg_a", "ann")),
        ):
            assert found is not None
            self.assertEqual(found.id, "a")
        self.assertTrue(self.outcome(store.delete("a", "ann")))
        self.assertIsNone(self.outcome(store.find("a", "ann")))

    def test_nothing_is_waited_for_on_the_reactor_s_thread(self) -> None:
        store = self.start()
        self.thread.at_once = False
        saving = Deferred.fromCoroutine(store.save(record("a")))
        finding = Deferred.fromCoroutine(store.find("a", "ann"))
        self.assertNoResult(saving)
        self.thread.step()
        self.successResultOf(saving)
        self.assertNoResult(finding)
        self.thread.step()
        self.assertIsNotNone(self.successResultOf(finding))

    def test_a_failure_is_told_and_the_log_says_why(self) -> None:
        store = self.start()
        self.file.sick = True
        for coroutine in (store.save(record("a")), store.find("a", "ann")):
            self.failureResultOf(Deferred.fromCoroutine(coroutine), StoreUnavailable)
        reasons = [event["error"] for event in self.events if "error" in event]
        self.assertEqual(reasons, ["database or disk is full", "disk I/O error"])
        self.file.sick = False
        self.outcome(store.save(record("a")))

    def test_one_that_is_too_large_is_a_failure_too(self) -> None:
        store = self.start()
        saving = store.save(record("a", response=b"x" * 2000))
        self.failureResultOf(Deferred.fromCoroutine(saving), StoreUnavailable)

    def test_what_another_process_is_about_to_store_is_waited_for(self) -> None:
        store = self.start(is_shared=True)
        finding = Deferred.fromCoroutine(store.find("a", "ann"))
        self.assertNoResult(finding)
        self.file.save(record("a"))
        self.clock.advance(LATE_SECONDS)
        self.assertIsNotNone(self.successResultOf(finding))
        finding = Deferred.fromCoroutine(store.find("b", "ann"))
        self.clock.advance(LATE_SECONDS)
        self.assertIsNone(self.successResultOf(finding))

    def test_what_is_too_old_goes_though_nobody_asks(self) -> None:
        self.start()
        self.file.save(record("a"))
        self.file.sick = True
        self.clock.advance(SWEEP_INTERVAL_SECONDS)
        self.file.sick = False
        self.clock.advance(SWEEP_INTERVAL_SECONDS)
        self.assertEqual(self.file._execute("SELECT count(*) FROM responses").fetchone(), (0,))

    def test_the_thread_runs_while_the_store_does(self) -> None:
        store = self.start()
        self.assertTrue(self.threads.running)
        store.stopService()
        self.assertFalse(self.threads.running)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_file_that_can_not_be_used_stops_the_start(self) -> None:
        store = ResponseStore(
            ResponseFile(cast(Any, self.mktemp() + "/none/file"), LIMITS, self.clock.seconds),
            threads=cast(Any, self.threads),
            run_in_thread=self.thread,
            clock=cast(Any, self.clock),
        )
        self.assertRaises(CantOpen, store.startService)
        self.assertFalse(self.threads.running)
