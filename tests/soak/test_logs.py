"""What the soak reads in the daemon's log."""

from twisted.trial.unittest import SynchronousTestCase

from soak.logs import count_retries, failures, wrong_lines
from soak.workers import Connection, Kill

KILL = Kill(pid=7, seconds=100.0, ports=frozenset())
DEATH = (
    "t [piecesd.workers.fleet.Fleet#error] Worker 0, pid 7, "
    "ended without having been told: signal SIGKILL\n"
)
CONNECTION = Connection(port=4000, opened_seconds=90.0)


def access_line(request_id: str, retries: int = 0) -> str:
    return (
        f"t [a#info] 127.0.0.1 POST /v1/chat/completions -> 200 in 0.1s "
        f"{request_id} model=gpt-4o retries={retries}\n"
    )


class FailuresTests(SynchronousTestCase):
    def test_lines_of_failures_are_found(self) -> None:
        log = "a [x#info] fine\nb [x#error] bad\nTraceback (most recent call last):\n"
        self.assertEqual(
            list(failures(log, ())), ["b [x#error] bad", "Traceback (most recent call last):"]
        )

    def test_the_end_of_a_worker_that_was_killed_here_is_none(self) -> None:
        self.assertEqual(list(failures(DEATH, [7])), [])
        self.assertEqual(list(failures(DEATH, [8])), [DEATH.rstrip()])

    def test_another_end_of_that_worker_is_one(self) -> None:
        other = DEATH.replace("SIGKILL", "SIGSEGV")
        self.assertEqual(list(failures(other, [7])), [other.rstrip()])


class WrongLinesTests(SynchronousTestCase):
    def wrong(self, log: str, answered_seconds: float | None = None, *kills: Kill) -> list[str]:
        answered = {} if answered_seconds is None else {"soak.1": (CONNECTION, answered_seconds)}
        return wrong_lines(log, log, answered, kills)

    def test_one_line_an_answer_is_right(self) -> None:
        self.assertEqual(self.wrong(access_line("soak.1"), 99.0), [])

    def test_two_lines_and_none_are_told(self) -> None:
        (told,) = self.wrong(access_line("soak.1") * 2, 99.0)
        self.assertIn("more than one access line", told)
        (told,) = self.wrong("", 99.0)
        self.assertIn("without an access line", told)

    def test_a_worker_that_is_killed_takes_its_last_lines_with_it(self) -> None:
        self.assertEqual(self.wrong(DEATH, 99.5, KILL), [])
        (told,) = self.wrong(DEATH, 95.0, KILL)
        self.assertIn("without an access line", told)

    def test_each_kill_has_one_line(self) -> None:
        for log, times in ("", 0), (DEATH * 2, 2):
            self.assertEqual(
                self.wrong(log, None, KILL), [f"the log tells {times} times that pid 7 was killed"]
            )

    def test_a_smuggled_request_is_told(self) -> None:
        (told,) = self.wrong("t [a#info] GET /v1/smuggled -> 404\n")
        self.assertIn("a request that was none", told)


class RetriesTests(SynchronousTestCase):
    def test_they_are_added_up(self) -> None:
        self.assertEqual(count_retries(access_line("soak.1", 2) + access_line("soak.2", 3)), 5)
