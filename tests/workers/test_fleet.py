from signal import SIGHUP, Signals

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.workers.fleet import (
    ASK_SECONDS,
    KILL_SECONDS,
    START_ATTEMPTS,
    START_SECONDS,
    STEADY_SECONDS,
    UNANSWERED_QUESTIONS,
    Fleet,
    restart_delay_seconds,
)

DRAIN_SECONDS = 10.0


class FakeProcess:
    """Notes what it is told. Questions it only counts; and answers, unless it hangs."""

    def __init__(self, number: int, pid: int, fleet: "Fleet[FakeProcess]") -> None:
        self.number = number
        self.pid = pid
        self.told: list[str] = []
        self.asked = 0
        self.hangs = False
        self._fleet = fleet

    def ask(self) -> None:
        self.asked += 1
        if not self.hangs:
            self._fleet.heard(self)

    def drain(self) -> None:
        self.told.append("drain")

    def retire(self) -> None:
        self.told.append("retire")

    def hurry(self) -> None:
        self.told.append("hurry")

    def kill(self) -> None:
        self.told.append("kill")

    def signal(self, number: Signals) -> None:
        self.told.append(number.name)


class FleetTestCase(SynchronousTestCase):
    """A fleet of two; ``processes`` are all that were ever spawned."""

    drain_seconds = DRAIN_SECONDS

    def setUp(self) -> None:
        self.clock = Clock()
        self.processes: list[FakeProcess] = []
        self.given_up = 0
        self.spawn_error: OSError | None = None
        self.fleet: Fleet[FakeProcess] = Fleet(
            2,
            self.spawn,
            self.clock,
            drain_timeout_seconds=self.drain_seconds,
            give_up=self.give_up,
        )
        self.fleet.start()

    def spawn(self, number: int) -> FakeProcess:
        if self.spawn_error is not None:
            raise self.spawn_error
        self.processes.append(FakeProcess(number, 100 + len(self.processes), self.fleet))
        return self.processes[-1]

    def give_up(self) -> None:
        self.given_up += 1

    def serve(self) -> None:
        for process in self.processes:
            self.fleet.ready(process)

    @property
    def numbers(self) -> list[int]:
        return [process.number for process in self.processes]

    def serving(self) -> list[FakeProcess]:
        return [each.process for each in self.fleet.members()]


class StartingTests(FleetTestCase):
    def test_each_place_gets_a_worker(self) -> None:
        self.assertEqual(self.numbers, [0, 1])

    def test_it_serves_once_it_says_so(self) -> None:
        self.assertEqual(self.serving(), [])
        self.fleet.ready(self.processes[1])
        self.assertEqual(self.serving(), [self.processes[1]])

    def test_one_that_never_says_so_is_killed_and_started_again(self) -> None:
        self.fleet.ready(self.processes[0])
        self.clock.advance(START_SECONDS)
        self.assertEqual(self.processes[1].told, ["kill"])
        self.fleet.ended(self.processes[1], "signal SIGKILL")
        self.clock.advance(0)
        self.assertEqual(self.numbers, [0, 1, 1])

    def test_if_no_worker_can_start_there_is_an_end_to_trying(self) -> None:
        for _ in range(START_ATTEMPTS - 1):
            self.fleet.ended(self.processes[-1], "exit status 1")
            self.clock.advance(30)
        self.assertEqual(self.given_up, 0)
        self.fleet.ended(self.processes[-1], "exit status 1")
        self.assertEqual(self.given_up, 1)
        self.clock.advance(3600)
        self.assertEqual(self.numbers.count(1), START_ATTEMPTS)

    def test_while_one_serves_another_that_cant_start_is_tried_for_ever(self) -> None:
        self.fleet.ready(self.processes[0])
        for _ in range(3 * START_ATTEMPTS):
            self.fleet.ended(self.processes[-1], "exit status 1")
            self.clock.advance(30)
        self.assertEqual(self.given_up, 0)
        self.assertEqual(self.numbers.count(1), 3 * START_ATTEMPTS + 1)

    def test_a_system_without_room_for_a_process_is_asked_again(self) -> None:
        self.serve()
        self.spawn_error = OSError("no room")
        self.fleet.ended(self.processes[0], "signal SIGKILL")
        self.clock.advance(0)
        self.spawn_error = None
        self.clock.advance(0.5)
        self.assertEqual(self.numbers, [0, 1, 0])


class RestartTests(FleetTestCase):
    def test_the_first_time_it_is_at_once(self) -> None:
        self.serve()
        self.fleet.ended(self.processes[0], "signal SIGSEGV")
        self.clock.advance(0)
        self.assertEqual(self.numbers, [0, 1, 0])

    def test_one_that_keeps_dying_young_waits_ever_longer(self) -> None:
        self.assertEqual(
            [restart_delay_seconds(ends) for ends in (1, 2, 3, 4, 7, 8, 9, 1000)],
            [0.0, 0.5, 1.0, 2.0, 16.0, 30.0, 30.0, 30.0],
        )
        self.serve()
        for delay in (0.0, 0.5, 1.0, 2.0):
            before = len(self.processes)
            victim = [each for each in self.processes if each.number == 0][-1]
            self.fleet.ready(victim)
            self.fleet.ended(victim, "signal SIGSEGV")
            if delay:
                self.clock.advance(delay - 0.01)
                self.assertEqual(len(self.processes), before)
            self.clock.advance(0.02)
            self.assertEqual(len(self.processes), before + 1)

    def test_a_long_life_makes_good_for_it(self) -> None:
        self.serve()
        for _ in range(5):
            self.clock.advance(STEADY_SECONDS)
            self.fleet.ended(self.processes[-1], "signal SIGSEGV")
            self.clock.advance(0)
            self.fleet.ready(self.processes[-1])
        self.assertEqual(len(self.processes), 7)


class SignalTests(FleetTestCase):
    def test_one_that_is_starting_gets_it_when_it_serves(self) -> None:
        self.fleet.ready(self.processes[0])
        self.fleet.signal(SIGHUP)
        self.assertEqual([each.told for each in self.processes], [["SIGHUP"], []])
        self.fleet.ready(self.processes[1])
        self.assertEqual(self.processes[1].told, ["SIGHUP"])


class ReplacementTests(FleetTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serve()

    def test_the_old_one_goes_when_the_new_one_serves_one_place_after_the_other(self) -> None:
        old_0, old_1 = self.processes
        self.fleet.replace_all()
        self.assertEqual(self.numbers, [0, 1, 0])
        self.assertEqual(old_0.told, [])
        self.fleet.ready(self.processes[2])
        self.assertEqual(old_0.told, ["retire"])
        self.assertEqual(self.numbers, [0, 1, 0])
        self.fleet.ended(old_0, "exit status 0")
        self.assertEqual(self.numbers, [0, 1, 0, 1])
        self.assertEqual(old_1.told, [])
        self.fleet.ready(self.processes[3])
        self.fleet.ended(old_1, "exit status 0")
        self.clock.advance(3600)
        self.assertEqual(self.serving(), self.processes[2:])
        self.assertEqual(self.numbers, [0, 1, 0, 1])

    def test_a_new_one_that_cant_start_leaves_all_as_it_was(self) -> None:
        self.fleet.replace_all()
        self.fleet.ended(self.processes[2], "exit status 1")
        self.clock.advance(3600)
        self.assertEqual(self.serving(), self.processes[:2])
        self.assertEqual(self.numbers, [0, 1, 0])
        self.assertEqual([each.told for each in self.processes], [[], [], []])

    def test_an_old_one_that_dies_meanwhile_is_not_started_again(self) -> None:
        self.fleet.replace_all()
        self.fleet.ended(self.processes[0], "signal SIGKILL")
        self.clock.advance(30)
        self.assertEqual(self.numbers, [0, 1, 0])
        self.fleet.ready(self.processes[2])
        self.assertEqual(self.numbers, [0, 1, 0, 1])

    def test_where_both_die_the_place_is_filled_again(self) -> None:
        self.fleet.replace_all()
        self.fleet.ended(self.processes[0], "signal SIGKILL")
        self.fleet.ended(self.processes[2], "signal SIGKILL")
        self.clock.advance(30)
        self.assertEqual(self.numbers, [0, 1, 0, 0])

    def test_told_again_it_begins_again(self) -> None:
        self.fleet.replace_all()
        self.fleet.replace_all()
        for _ in range(3):
            self.fleet.ready(self.processes[-1])
            old = next(each for each in self.processes if each.told == ["retire"])
            self.fleet.ended(old, "exit status 0")
            old.told.append("gone")
        self.assertEqual(self.numbers, [0, 1, 0, 0, 1])

    def test_an_old_one_that_does_not_end_is_killed(self) -> None:
        self.fleet.replace_all()
        self.fleet.ready(self.processes[2])
        self.clock.advance(DRAIN_SECONDS + KILL_SECONDS)
        self.assertEqual(self.processes[0].told, ["retire", "kill"])
        self.assertEqual(self.fleet.killed_at_the_end, 0)


class HangingTests(FleetTestCase):
    drain_seconds = 3600.0

    def setUp(self) -> None:
        super().setUp()
        self.serve()
        self.hanging, self.other = self.processes
        self.hanging.hangs = True

    def pass_questions(self, count: int) -> None:
        for _ in range(count):
            self.clock.advance(ASK_SECONDS)

    def test_one_that_does_not_answer_for_long_is_killed_once_and_replaced(self) -> None:
        self.pass_questions(UNANSWERED_QUESTIONS)
        self.assertEqual(self.hanging.told, [])
        self.pass_questions(3)
        self.assertEqual((self.hanging.told, self.other.told), (["kill"], []))
        self.fleet.ended(self.hanging, "signal SIGKILL")
        self.clock.advance(0)
        self.assertEqual(self.numbers, [0, 1, 0])

    def test_it_has_a_minute_or_little_more(self) -> None:
        self.assertEqual(ASK_SECONDS * UNANSWERED_QUESTIONS, 60)

    def test_an_answer_makes_up_for_all_that_it_did_not_give(self) -> None:
        for _ in range(3):
            self.pass_questions(UNANSWERED_QUESTIONS)
            self.fleet.heard(self.hanging)
        self.pass_questions(UNANSWERED_QUESTIONS)
        self.assertEqual(self.hanging.told, [])

    def test_a_machine_that_was_asleep_makes_no_worker_late(self) -> None:
        """The clock jumps, and nobody could answer meanwhile."""
        for _ in range(UNANSWERED_QUESTIONS - 1):
            self.clock.advance(8 * 3600)
        self.hanging.hangs = False
        self.pass_questions(2 * UNANSWERED_QUESTIONS)
        self.assertEqual(self.hanging.told, [])

    def test_one_that_is_starting_is_not_asked(self) -> None:
        self.fleet.replace_all()
        self.pass_questions(3)
        self.assertEqual([each.asked for each in self.processes], [3, 3, 0])

    def test_one_that_is_draining_is_killed_too_and_its_place_stays_filled(self) -> None:
        self.fleet.replace_all()
        self.fleet.ready(self.processes[2])
        self.pass_questions(UNANSWERED_QUESTIONS + 1)
        self.assertEqual(self.hanging.told, ["retire", "kill"])
        self.fleet.ended(self.hanging, "signal SIGKILL")
        self.assertEqual(self.numbers, [0, 1, 0, 1])
        self.clock.advance(ASK_SECONDS)
        self.assertEqual(self.serving(), [self.other, self.processes[2]])

    def test_one_that_is_killed_while_all_are_to_end_counts(self) -> None:
        self.fleet.stop()
        self.pass_questions(UNANSWERED_QUESTIONS + 1)
        self.assertEqual(self.hanging.told, ["drain", "kill"])
        self.assertEqual(self.fleet.killed_at_the_end, 1)


class StoppingTests(FleetTestCase):
    def test_it_is_over_when_all_have_ended_and_none_is_started_again(self) -> None:
        self.fleet.ready(self.processes[0])
        stopped = self.fleet.stop()
        self.assertEqual([each.told for each in self.processes], [["drain"], ["drain"]])
        self.fleet.ended(self.processes[0], "exit status 0")
        self.assertNoResult(stopped)
        self.fleet.ended(self.processes[1], "exit status 0")
        self.successResultOf(stopped)
        self.clock.advance(3600)
        self.assertEqual(self.numbers, [0, 1])
        self.assertEqual(self.fleet.killed_at_the_end, 0)

    def test_a_restart_that_was_due_is_forgotten(self) -> None:
        self.serve()
        self.fleet.ended(self.processes[0], "signal SIGSEGV")
        stopped = self.fleet.stop()
        self.fleet.ended(self.processes[1], "exit status 0")
        self.successResultOf(stopped)
        self.clock.advance(3600)
        self.assertEqual(self.numbers, [0, 1])

    def test_one_that_does_not_end_is_killed_and_counted(self) -> None:
        self.serve()
        self.fleet.stop()
        self.fleet.ended(self.processes[0], "exit status 0")
        self.clock.advance(DRAIN_SECONDS + KILL_SECONDS)
        self.assertEqual([each.told for each in self.processes], [["drain"], ["drain", "kill"]])
        self.assertEqual(self.fleet.killed_at_the_end, 1)

    def test_in_a_hurry_that_comes_sooner(self) -> None:
        self.serve()
        self.fleet.stop()
        self.fleet.hurry()
        self.assertEqual(self.processes[0].told, ["drain", "hurry"])
        self.clock.advance(KILL_SECONDS)
        self.assertEqual(self.processes[0].told, ["drain", "hurry", "kill"])

    def test_one_that_retires_has_to_make_do_with_the_time_that_all_have(self) -> None:
        self.serve()
        self.fleet.replace_all()
        self.fleet.ready(self.processes[2])
        self.fleet.stop()
        self.assertEqual(self.processes[0].told, ["retire", "drain"])

    def test_a_replacement_under_way_is_dropped(self) -> None:
        self.serve()
        self.fleet.replace_all()
        stopped = self.fleet.stop()
        for process in self.processes:
            self.assertEqual(process.told, ["drain"])
            self.fleet.ended(process, "exit status 0")
        self.successResultOf(stopped)
        self.fleet.replace_all()
        self.assertEqual(self.numbers, [0, 1, 0])
