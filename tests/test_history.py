"""The steps tell what came when, add up over workers, and are bounded."""

from typing import Any, Literal

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import Usage
from piecesd.history import STEP_SECONDS, STEPS, History, latest, present, quantile
from piecesd.stats import FinishedRequest
from piecesd.workers.figures import merge

NOON = 1_700_000_000.0  # the begin of a step


def finished(
    seconds: float,
    *,
    first: float | None = None,
    tokens: int | None = None,
    pieces: int = 0,
    outcome: Literal["ok", "error", "cancelled", "broken"] = "ok",
    model_id: str | None = "gpt-4o",
) -> FinishedRequest:
    return FinishedRequest(
        route="/v1/chat/completions",
        status=200,
        outcome=outcome,
        error_code=None,
        seconds=seconds,
        model_id=model_id,
        first_piece_seconds=first,
        pieces=pieces,
        usage=None if tokens is None else Usage(input_tokens=1, output_tokens=tokens),
    )


class HistoryTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOON)
        self.channels = 5
        self.history = self.new_history()

    def new_history(self) -> History:
        return History(self.clock.seconds, lambda: self.channels)

    def shown(self) -> dict[str, Any]:
        """The history once the running step is over."""
        self.clock.advance(STEP_SECONDS)
        shown: dict[str, Any] = present(self.history.steps())["history"]
        return shown

    def minute(self) -> dict[str, Any]:
        minute: dict[str, Any] = present(self.history.steps())["last_minute"]
        return minute


class StepTests(HistoryTestCase):
    def test_requests_are_counted_in_the_step_in_which_they_come(self) -> None:
        for count in (2, 0, 1):
            for _ in range(count):
                self.history.count_api_request()
            self.clock.advance(STEP_SECONDS)
        history = present(self.history.steps())["history"]
        self.assertEqual(history["requests"], [2, 0, 1])
        self.assertEqual(history["end_unix"], NOON + 3 * STEP_SECONDS)

    def test_the_step_that_runs_counts_in_the_last_minute_only(self) -> None:
        self.clock.advance(1.0)
        self.history.count_finished(finished(1.0, first=0.5, tokens=30, outcome="broken"))
        shown = present(self.history.steps())
        self.assertEqual(shown["history"]["failed"], [])
        self.assertEqual(shown["last_minute"]["failed"], 1)
        self.assertEqual(shown["last_minute"]["output_tokens_per_second"], 0.5)

    def test_the_last_minute_ends(self) -> None:
        self.history.count_finished(finished(1.0, first=0.5, tokens=30, outcome="error"))
        self.clock.advance(60)
        self.assertEqual(
            self.minute(),
            {
                "failed": 0,
                "output_tokens_per_second": 0.0,
                "first_token_p50_seconds": None,
                "first_token_p95_seconds": None,
            },
        )

    def test_those_that_failed_or_broke_off_have_failed(self) -> None:
        self.history.count_finished(finished(1.0, outcome="ok"))
        self.history.count_finished(finished(1.0, outcome="cancelled"))
        self.history.count_finished(finished(1.0, outcome="error"))
        self.history.count_finished(finished(1.0, outcome="broken"))
        self.history.count_finished(finished(1.0, outcome="error", model_id=None))
        self.assertEqual(self.shown()["failed"], [2])

    def test_the_most_in_flight_of_each_step_is_kept_also_while_nothing_happens(self) -> None:
        for count in (1, 2, 1):
            self.history.note_in_flight(count)
        self.clock.advance(3 * STEP_SECONDS)
        self.history.note_in_flight(0)
        self.clock.advance(STEP_SECONDS)
        self.assertEqual(self.shown()["in_flight"], [2, 1, 1, 1, 0])

    def test_channels_are_those_that_were_open_when_somebody_looked(self) -> None:
        self.history.count_api_request()
        self.clock.advance(STEP_SECONDS)
        self.channels = 8
        self.history.steps()
        self.assertEqual(self.shown()["channels"], [5, 8])

    def test_no_more_than_ten_minutes_are_kept(self) -> None:
        self.history.count_api_request()
        self.clock.advance(STEPS * STEP_SECONDS)
        history = present(self.history.steps())["history"]
        self.assertEqual(history["requests"], [1] + [0] * (STEPS - 1))
        self.clock.advance(STEP_SECONDS)
        self.assertEqual(present(self.history.steps())["history"]["requests"], [0] * STEPS)
        self.clock.advance(86_400)
        self.assertEqual(len(self.history.steps()), STEPS + 1)

    def test_a_clock_that_steps_back_is_taken_to_stand_still(self) -> None:
        now = [NOON]
        history = History(lambda: now[0], lambda: 0)
        now[0] -= 3600
        history.count_api_request()
        now[0] = NOON
        history.count_api_request()
        history.count_finished(finished(4000.0, first=1.0, tokens=5))
        now[0] += STEP_SECONDS
        self.assertEqual(sum(present(history.steps())["history"]["requests"]), 2)


class FirstTokenTests(HistoryTestCase):
    def test_it_is_told_to_within_a_tenth_in_the_step_in_which_it_came(self) -> None:
        self.history.count_api_request()
        self.clock.advance(2 * STEP_SECONDS + 1)
        self.history.count_finished(finished(9.0, first=0.3, tokens=1))
        history = self.shown()
        p50, *others = history["first_token_p50_seconds"]
        self.assertApproximates(p50, 0.3, 0.03)
        self.assertEqual(others, [None, None])

    def test_half_of_them_and_nearly_all_of_them_are_told_apart(self) -> None:
        self.clock.advance(1.0)
        for _ in range(90):
            self.history.count_finished(finished(1.0, first=0.1, tokens=1))
        for _ in range(10):
            self.history.count_finished(finished(9.0, first=9.0, tokens=1))
        minute = self.minute()
        self.assertApproximates(minute["first_token_p50_seconds"], 0.1, 0.01)
        self.assertApproximates(minute["first_token_p95_seconds"], 9.0, 0.9)

    def test_beyond_the_last_bound_it_is_that(self) -> None:
        self.history.count_finished(finished(900.0, first=900.0, tokens=1))
        self.assertGreater(self.minute()["first_token_p50_seconds"], 100)

    @given(st.dictionaries(st.integers(0, 69).map(str), st.integers(1, 50), min_size=1))
    def test_more_of_them_take_no_less(self, counts: dict[str, int]) -> None:
        quantiles = [quantile(counts, part) for part in (0.05, 0.5, 0.95, 1.0)]
        self.assertNotIn(None, quantiles)
        self.assertEqual(quantiles, sorted(quantiles, key=lambda each: each or 0.0))


class TokenTests(HistoryTestCase):
    def test_they_are_spread_over_the_time_in_which_they_came(self) -> None:
        self.history.count_api_request()
        self.clock.advance(11.0)
        self.history.count_finished(finished(10.0, first=2.0, tokens=80))
        # From second 3 to second 11.
        self.assertEqual(self.shown()["output_tokens"], [20, 50, 10])

    def test_of_an_answer_that_broke_off_each_piece_is_one(self) -> None:
        self.clock.advance(1.0)
        self.history.count_finished(finished(1.0, first=0.5, pieces=7, outcome="cancelled"))
        self.assertEqual(self.shown()["output_tokens"], [7])

    @given(st.floats(0, STEP_SECONDS, exclude_max=True), st.floats(0, 590), st.integers(0, 100_000))
    def test_none_is_lost_while_their_steps_are_kept(
        self, begins: float, lasts: float, tokens: int
    ) -> None:
        now = [NOON + begins]
        history = History(lambda: now[0], lambda: 0)
        history.count_api_request()
        now[0] += lasts
        history.count_finished(finished(lasts, first=0.0, tokens=tokens))
        steps = history.steps().values()
        self.assertEqual(sum(step.get("output_tokens", 0) for step in steps), tokens)

    def test_those_that_came_before_all_that_is_kept_are_forgotten(self) -> None:
        self.history.count_api_request()
        self.clock.advance(6000)
        self.history.count_finished(finished(6000.0, first=0.0, tokens=6000))
        kept = (STEPS + 1) * STEP_SECONDS
        total = sum(step.get("output_tokens", 0) for step in self.history.steps().values())
        self.assertApproximates(total, kept, STEP_SECONDS + 1)


class WorkerTests(HistoryTestCase):
    def test_the_steps_of_several_add_up_though_one_began_later(self) -> None:
        for _ in range(3):
            self.history.count_finished(finished(0.1, first=0.1, tokens=10))
        self.history.note_in_flight(1)
        self.clock.advance(STEP_SECONDS)
        other = self.new_history()
        other.count_api_request()
        other.note_in_flight(2)
        other.count_finished(finished(0.1, first=5.0, tokens=20))
        self.clock.advance(STEP_SECONDS)
        both = merge({"steps": self.history.steps()}, [{"steps": other.steps()}])
        shown = present(both["steps"])
        history = shown["history"]
        self.assertEqual(history["requests"], [0, 1])
        self.assertEqual(history["output_tokens"], [30, 20])
        self.assertEqual(history["in_flight"], [1, 3])
        self.assertEqual(history["channels"], [5, 10])
        self.assertLess(shown["last_minute"]["first_token_p50_seconds"], 0.2)
        self.assertGreater(shown["last_minute"]["first_token_p95_seconds"], 4)

    def test_of_the_steps_of_many_only_the_newest_are_kept(self) -> None:
        steps = {str(number): {"requests": number} for number in range(95, 95 + 3 * STEPS)}
        kept = latest(steps)
        self.assertEqual(len(kept), STEPS + 1)
        self.assertIn(str(95 + 3 * STEPS - 1), kept)
