from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.workers.messages import All, Message, Report, Status, Tell
from piecesd.workers.roll_call import WAIT_SECONDS, RollCall


class FakeWorker:
    """Keeps what it is sent."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = 100 + number
        self.started_seconds = 0.0
        self.sent: list[Message] = []

    def send(self, message: Message) -> None:
        self.sent.append(message)


def report(total: int) -> Report:
    return Report(status={"requests": {"all": {"total": total}}})


class RollCallTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.workers = [FakeWorker(number) for number in range(3)]
        self.call = RollCall(lambda: self.workers, self.clock)
        self.asker, self.other, self.third = self.workers

    def answers(self) -> list[All]:
        return [each for each in self.asker.sent if isinstance(each, All)]

    def totals(self) -> list[int]:
        statuses: list[Status] = self.answers()[-1].others
        return [each["requests"]["all"]["total"] for each in statuses if each]

    def test_the_answer_comes_when_all_others_have_reported(self) -> None:
        self.call.ask(self.asker)
        self.assertEqual([each.sent for each in self.workers], [[], [Tell()], [Tell()]])
        self.call.reported(self.other, report(1))
        self.assertEqual(self.answers(), [])
        self.call.reported(self.third, report(2))
        self.assertEqual(sorted(self.totals()), [1, 2])
        self.clock.advance(WAIT_SECONDS)
        self.assertEqual(len(self.answers()), 1)

    def test_it_names_all_workers_and_tells_how_long_they_have_run(self) -> None:
        self.clock.advance(5)
        self.third.started_seconds = 3.0
        self.workers.remove(self.other)
        self.call.ask(self.asker)
        self.call.reported(self.third, report(2))
        (answer,) = self.answers()
        self.assertEqual(
            [(each.worker, each.pid, each.uptime_seconds) for each in answer.members],
            [(0, 100, 5.0), (2, 102, 2.0)],
        )
        self.assertEqual(answer.uptime_seconds, 5.0)

    def test_one_that_is_late_is_not_waited_for_and_its_last_word_counts(self) -> None:
        self.call.reported(self.third, report(40))
        self.call.ask(self.asker)
        self.call.reported(self.other, report(1))
        self.clock.advance(WAIT_SECONDS)
        self.assertEqual(sorted(self.totals()), [1, 40])

    def test_one_that_does_not_answer_is_asked_once(self) -> None:
        for _ in range(5):
            self.call.ask(self.asker)
            self.clock.advance(WAIT_SECONDS)
        self.assertEqual(self.third.sent, [Tell()])
        self.call.reported(self.third, report(1))
        self.call.ask(self.asker)
        self.assertEqual(self.third.sent, [Tell(), Tell()])

    def test_one_that_ends_is_not_waited_for_and_has_counted(self) -> None:
        self.call.reported(self.third, report(40))
        self.call.ask(self.asker)
        self.call.reported(self.other, report(1))
        self.workers.remove(self.third)
        self.call.ended(self.third)
        self.assertEqual(sorted(self.totals()), [1, 40])
        self.call.ended(self.other)
        self.workers.remove(self.other)
        self.call.ask(self.asker)
        self.assertEqual(self.totals(), [41])

    def test_the_only_worker_is_answered_at_once(self) -> None:
        del self.workers[1:]
        self.call.ask(self.asker)
        self.assertEqual(len(self.answers()), 1)
