"""What a completion does between the client and its upstream."""

from collections.abc import Sequence

from twisted.internet.defer import CancelledError, Deferred

from piecesd.chat import Answer, ChatEvent, Choice, Delta, Finished, Usage
from piecesd.completion.completion import Completion
from piecesd.completion.text_count import MAX_WAITING_CHARS
from piecesd.errors import (
    ContextLengthExceeded,
    Overloaded,
    ShuttingDown,
    UpstreamBroken,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from piecesd.tokens import Encoding, load
from tests.completion.support import CompletionCase, StoppedThread


def broken(origin: object = None) -> UpstreamError:
    error = UpstreamUnavailable(detail="gone")
    error.origin = origin
    return error


class StreamedTests(CompletionCase):
    def rest(self, completion: Completion) -> list[ChatEvent]:
        """All events to the end, none of which has to be waited for."""
        events: list[ChatEvent] = []
        while batch := self.successResultOf(self.turn(completion)):
            events += batch
        return events

    def test_pieces_become_deltas_then_finish_then_usage(self) -> None:
        completion = self.begin("hi")
        turn = self.turn(completion)
        self.gpt.streams[0].arrive("Hel", "lo")
        self.assertEqual(self.successResultOf(turn), [Delta(0, "Hel"), Delta(0, "lo")])
        self.gpt.streams[0].finish()
        self.assertEqual(
            self.rest(completion), [Finished(0, "stop"), Usage(input_tokens=8, output_tokens=1)]
        )

    def test_empty_pieces_are_not_passed_on(self) -> None:
        completion = self.begin()
        turn = self.turn(completion)
        self.gpt.streams[0].arrive("", "")
        self.assertNoResult(turn)
        self.gpt.streams[0].arrive("", "a", "")
        self.assertEqual(self.successResultOf(turn), [Delta(0, "a")])

    def test_an_answer_may_be_empty(self) -> None:
        completion = self.begin()
        turn = self.turn(completion)
        self.gpt.streams[0].finish()
        events = [*self.events_of(turn), *self.rest(completion)]
        self.assertEqual(events, [Finished(0, "stop"), Usage(input_tokens=8, output_tokens=0)])

    def test_a_stream_that_breaks_has_no_finish(self) -> None:
        completion = self.begin()
        turn = self.turn(completion)
        self.gpt.streams[0].arrive("half")
        self.successResultOf(turn)
        self.gpt.streams[0].fail(UpstreamBroken(detail="cut"))
        self.failureResultOf(self.turn(completion), UpstreamBroken)
        self.assertEqual(len(self.gpt.streams), 1, "text has gone out, so it is not retried")

    def test_a_stop_text_ends_the_answer_and_the_upstreams_call(self) -> None:
        completion = self.begin(stop=("END",))
        turn = self.turn(completion)
        self.gpt.streams[0].arrive("one E", "N", "D two")
        events = list(self.events_of(turn))
        self.assertEqual(events[:2], [Delta(0, "one "), Finished(0, "stop", "END")])
        self.assertTrue(self.gpt.streams[0].cancelled)

    def test_text_held_back_for_a_stop_comes_at_the_end(self) -> None:
        completion = self.begin(stop=("END",))
        turn = self.turn(completion)
        self.gpt.streams[0].arrive("one E")
        self.gpt.streams[0].finish()
        events = [*self.events_of(turn), *self.rest(completion)]
        self.assertEqual(events[:3], [Delta(0, "one "), Delta(0, "E"), Finished(0, "stop")])

    def test_the_token_limit_cuts_the_answer_and_the_upstreams_call(self) -> None:
        completion = self.begin(max_output_tokens=3)
        turn = self.turn(completion)
        self.gpt.streams[0].arrive(*(f" word{n}" for n in range(9)))
        events = list(self.events_of(turn)) + self.rest(completion)
        text = "".join(event.text for event in events if isinstance(event, Delta))
        self.assertEqual(text, " word0 word")
        self.assertEqual(
            events[-2:], [Finished(0, "length"), Usage(input_tokens=8, output_tokens=3)]
        )
        self.assertTrue(self.gpt.streams[0].cancelled)

    def test_figures_tell_pieces_and_the_first_ones_time(self) -> None:
        completion = self.begin()
        turn = self.turn(completion)
        self.clock.advance(1.5)
        self.gpt.streams[0].arrive("a", "b")
        self.successResultOf(turn)
        self.assertEqual(completion.figures.pieces, 2)
        self.assertEqual(completion.figures.first_piece_seconds, 1.5)

    def test_figures_tell_the_waits_for_later_batches(self) -> None:
        """Not for the first one, not for the end, and not what the client took."""
        completion = self.begin()
        for pieces in (["a"], ["b", "c"], ["d"]):
            self.clock.advance(5)
            turn = self.turn(completion)
            self.clock.advance(2)
            self.gpt.streams[0].arrive(*pieces)
            self.successResultOf(turn)
        waits = completion.figures.waits
        self.assertEqual((sum(waits.counts), waits.total), (2, 4.0))
        turn = self.turn(completion)
        self.clock.advance(2)
        self.gpt.streams[0].finish()
        self.successResultOf(turn)
        self.assertEqual(sum(waits.counts), 2)

    def test_several_choices_come_as_they_come(self) -> None:
        completion = self.begin(choices=2)
        turn = self.turn(completion)
        first, second = self.gpt.streams
        second.arrive("b")
        self.assertEqual(self.successResultOf(turn), [Delta(1, "b")])
        turn = self.turn(completion)
        first.arrive("a")
        self.assertEqual(self.successResultOf(turn), [Delta(0, "a")])
        first.finish()
        self.assertEqual(self.successResultOf(self.turn(completion)), [Finished(0, "stop")])
        second.finish()
        self.assertEqual(
            self.rest(completion), [Finished(1, "stop"), Usage(input_tokens=8, output_tokens=2)]
        )

    def test_one_broken_choice_breaks_the_answer_and_ends_the_others(self) -> None:
        completion = self.begin(choices=2)
        turn = self.turn(completion)
        first, second = self.gpt.streams
        first.arrive("a")
        self.successResultOf(turn)
        turn = self.turn(completion)
        first.fail(UpstreamBroken(detail="cut"))
        self.failureResultOf(turn, UpstreamBroken)
        self.assertTrue(second.cancelled)


class LongAnswerTests(CompletionCase):
    """Text that is counted on the thread while more of it comes."""

    def setUp(self) -> None:
        super().setUp()
        load("cl100k_base")
        self.thread = StoppedThread()
        self.completions = self.make(run_in_thread=self.thread.run)
        self.completion = self.begin()

    def pass_on(self, text: str) -> Deferred[Sequence[ChatEvent]]:
        """Have ``text`` arrive and go out; the turn after that."""
        turn = self.turn(self.completion)
        self.gpt.streams[0].arrive(text)
        self.assertEqual(self.successResultOf(turn), [Delta(0, text)])
        return self.turn(self.completion)

    def test_its_text_goes_out_while_it_is_counted(self) -> None:
        turn = self.pass_on("word " * 2_000)
        self.assertFalse(self.thread.is_idle)
        self.gpt.streams[0].arrive("more")
        self.assertEqual(self.successResultOf(turn), [Delta(0, "more")])

    def test_only_the_rest_of_it_is_counted_at_its_end(self) -> None:
        turn = self.pass_on("word " * 2_000)
        self.thread.step()
        self.gpt.streams[0].finish()
        self.assertEqual(
            self.successResultOf(turn),
            [Finished(0, "stop"), Usage(input_tokens=8, output_tokens=2_001)],
        )

    def test_its_finish_waits_for_a_count_that_is_under_way(self) -> None:
        turn = self.pass_on("word " * 2_000)
        self.gpt.streams[0].finish()
        self.assertNoResult(turn)
        self.thread.step()
        self.assertEqual(self.successResultOf(turn)[0], Finished(0, "stop"))

    def test_no_more_is_asked_for_while_the_thread_is_too_far_behind(self) -> None:
        turn = self.pass_on("word " * 2_000)
        self.gpt.streams[0].arrive("x" * (MAX_WAITING_CHARS + 1))
        self.successResultOf(turn)
        turn = self.turn(self.completion)
        self.gpt.streams[0].arrive("more")
        self.assertNoResult(turn)
        self.thread.step()
        self.assertEqual(self.successResultOf(turn), [Delta(0, "more")])

    def test_a_stream_that_waits_for_its_count_has_its_deadline_all_the_same(self) -> None:
        turn = self.pass_on("word " * 2_000)
        self.gpt.streams[0].arrive("x" * (MAX_WAITING_CHARS + 1))
        self.successResultOf(turn)
        turn = self.turn(self.completion)
        self.clock.pump([60] * 5)
        self.failureResultOf(turn, UpstreamTimeout)

    def test_a_cancel_ends_the_count(self) -> None:
        turn = self.pass_on("word " * 2_000)
        self.completion.cancel(ShuttingDown())
        self.failureResultOf(turn, ShuttingDown)
        self.thread.step()
        self.assertTrue(self.thread.is_idle)
        self.failureResultOf(self.turn(self.completion), ShuttingDown)

    def test_what_was_counted_is_not_counted_again_for_the_limit(self) -> None:
        """15,000 bytes could be more tokens than the limit; 2,000 tokens and
        5,000 bytes can't."""
        counted: list[str] = []

        def count(encoding: Encoding, text: str) -> int:
            counted.append(text)
            return 0

        self.completion = self.begin(max_output_tokens=10_500)
        turn = self.pass_on("word " * 2_000)
        self.thread.step()
        self.patch(Encoding, "count", count)
        self.gpt.streams[0].arrive("word " * 1_000)
        self.successResultOf(turn)
        self.assertEqual(counted, [])


class RetryTests(CompletionCase):
    def first_turn(self, **fields: object) -> Deferred[Sequence[ChatEvent]]:
        self.completion = self.begin(**fields)  # type: ignore[arg-type]
        return self.turn(self.completion)

    def test_a_failure_before_the_first_piece_is_tried_again_elsewhere(self) -> None:
        turn = self.first_turn()
        self.gpt.streams[0].fail(broken(origin="channel 1"))
        self.assertNoResult(turn)
        self.backoff()
        self.assertEqual(self.gpt.streams[1].asked.avoid, "channel 1")
        self.gpt.streams[1].arrive("a")
        self.assertEqual(self.successResultOf(turn), [Delta(0, "a")])
        self.assertEqual(self.completion.figures.retries, 1)

    def test_the_last_failure_is_what_the_client_hears(self) -> None:
        turn = self.first_turn()
        for n in range(3):
            self.gpt.streams[n].fail(broken())
            self.backoff()
        self.failureResultOf(turn, UpstreamUnavailable)
        self.assertEqual(len(self.gpt.streams), 3)

    def test_what_would_fail_again_is_not_tried_again(self) -> None:
        turn = self.first_turn()
        self.gpt.streams[0].fail(UpstreamRefused(detail="no"))
        self.failureResultOf(turn, UpstreamRefused)

    def test_a_lack_of_threads_is_not_tried_again(self) -> None:
        self.gpt.refusal = Overloaded(limit=1, what="open streams")
        self.failureResultOf(self.first_turn(), Overloaded)

    def test_no_attempt_is_made_past_the_deadline(self) -> None:
        turn = self.first_turn()
        self.clock.advance(29.99999)
        self.gpt.streams[0].fail(broken())
        self.clock.advance(1)
        self.failureResultOf(turn, UpstreamError)
        self.assertEqual(len(self.gpt.streams), 1)

    def test_an_empty_piece_does_not_end_the_retries(self) -> None:
        turn = self.first_turn()
        self.gpt.streams[0].arrive("")
        self.gpt.streams[0].fail(broken())
        self.backoff()
        self.gpt.streams[1].arrive("a")
        self.assertEqual(self.successResultOf(turn), [Delta(0, "a")])

    def test_no_attempt_is_made_before_the_upstream_is_usable(self) -> None:
        turn = self.first_turn()
        self.gpt.usable_after_seconds = 20.0
        self.gpt.streams[0].fail(broken())
        self.clock.advance(19.9)
        self.assertEqual(len(self.gpt.streams), 1)
        self.clock.advance(0.1)
        self.gpt.streams[1].arrive("a")
        self.successResultOf(turn)

    def test_an_upstream_that_is_not_usable_in_time_is_not_waited_for(self) -> None:
        turn = self.first_turn()
        self.gpt.usable_after_seconds = 30.0
        self.gpt.streams[0].fail(UpstreamRateLimited(retry_after_seconds=30))
        error = self.failureResultOf(turn, UpstreamRateLimited).value
        self.assertEqual(error.retry_after_seconds, 30)

    def test_retries_stop_when_their_budget_is_spent(self) -> None:
        while self.completions.budget.take():
            pass
        completion = self.begin()
        turn = self.turn(completion)
        self.gpt.streams[0].fail(broken())
        self.failureResultOf(turn, UpstreamUnavailable)
        figures = completion.figures
        self.assertEqual((figures.retries, figures.refused_retries), (0, 1))

    def test_unstreamed_calls_are_tried_again_too(self) -> None:
        completion = self.begin()
        answer = Deferred.fromCoroutine(completion.answer())
        self.gpt.replies[0].deferred.errback(broken(origin="channel 1"))
        self.backoff()
        self.assertEqual(self.gpt.replies[1].asked.avoid, "channel 1")
        self.gpt.replies[1].deferred.callback("ok")
        self.assertEqual(self.successResultOf(answer).choices[0].text, "ok")


class DeadlineTests(CompletionCase):
    def test_the_first_piece_must_come_in_time(self) -> None:
        turn = self.turn(self.begin())
        self.clock.advance(30)
        error = self.failureResultOf(turn, UpstreamTimeout).value
        self.assertEqual((error.status, str(error).count("first piece")), (504, 1))
        self.assertTrue(self.gpt.streams[0].cancelled)
        self.assertIs(self.gpt.streams[0].blame, error)

    def test_silence_between_pieces_is_bounded(self) -> None:
        completion = self.begin()
        turn = self.turn(completion)
        self.gpt.streams[0].arrive("a")
        self.successResultOf(turn)
        turn = self.turn(completion)
        self.clock.pump([30, 29])
        self.assertNoResult(turn)
        self.clock.advance(1)
        self.failureResultOf(turn, UpstreamTimeout)

    def test_silence_does_not_count_while_the_client_is_slow(self) -> None:
        completion = self.begin()
        turn = self.turn(completion)
        self.gpt.streams[0].arrive("a")
        self.successResultOf(turn)
        self.clock.pump([60, 60])
        self.assertFalse(self.gpt.streams[0].cancelled)

    def test_the_whole_stream_is_bounded_even_while_the_client_is_slow(self) -> None:
        completion = self.begin()
        turn = self.turn(completion)
        self.gpt.streams[0].arrive("a")
        self.successResultOf(turn)
        self.clock.pump([60] * 5)
        self.assertTrue(self.gpt.streams[0].cancelled)
        self.failureResultOf(self.turn(completion), UpstreamTimeout)

    def test_a_call_is_given_what_is_left_of_the_whole(self) -> None:
        self.turn(self.begin())
        self.clock.advance(10)
        self.gpt.streams[0].fail(broken())
        self.backoff()
        self.assertEqual(
            [stream.asked.timeout_seconds for stream in self.gpt.streams], [300.0, 282.0]
        )

    def test_nothing_is_left_on_the_clock_afterwards(self) -> None:
        completion = self.begin()
        turn = self.turn(completion)
        self.gpt.streams[0].arrive("a")
        self.gpt.streams[0].finish()
        while self.successResultOf(turn):
            turn = self.turn(completion)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class CancelTests(CompletionCase):
    def test_cancelling_who_waits_ends_the_call(self) -> None:
        turn = self.turn(self.begin())
        turn.cancel()
        self.failureResultOf(turn, CancelledError)
        self.assertTrue(self.gpt.streams[0].cancelled)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_cancel_with_a_reason_tells_it(self) -> None:
        completion = self.begin()
        turn = self.turn(completion)
        completion.cancel(ShuttingDown())
        self.failureResultOf(turn, ShuttingDown)
        self.failureResultOf(self.turn(completion), ShuttingDown)

    def test_a_cancel_ends_a_backoff(self) -> None:
        completion = self.begin()
        turn = self.turn(completion)
        self.gpt.streams[0].fail(broken())
        completion.cancel()
        self.failureResultOf(turn, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_cancel_before_the_first_turn_opens_no_call(self) -> None:
        completion = self.begin()
        completion.cancel()
        self.failureResultOf(self.turn(completion), CancelledError)
        self.assertEqual(self.gpt.streams, [])

    def test_a_cancel_ends_every_choice(self) -> None:
        completion = self.begin(choices=3)
        turn = self.turn(completion)
        self.gpt.streams[0].arrive("a")
        self.successResultOf(turn)
        turn = self.turn(completion)
        turn.cancel()
        self.failureResultOf(turn, CancelledError)
        self.assertEqual([stream.cancelled for stream in self.gpt.streams], [True] * 3)

    def test_cancelling_an_unstreamed_answer_ends_its_calls(self) -> None:
        answer = Deferred.fromCoroutine(self.begin(choices=2).answer())
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertEqual([reply.cancelled for reply in self.gpt.replies], [True, True])

    def test_an_unstreamed_answer_can_be_cut_with_a_reason(self) -> None:
        completion = self.begin()
        answer = Deferred.fromCoroutine(completion.answer())
        completion.cancel(ShuttingDown())
        self.failureResultOf(answer, ShuttingDown)
        self.assertTrue(self.gpt.replies[0].cancelled)


class UnstreamedTests(CompletionCase):
    def answer(self, *texts: str, **fields: object) -> Answer:
        answer = Deferred.fromCoroutine(self.begin(**fields).answer())  # type: ignore[arg-type]
        for reply, text in zip(self.gpt.replies, texts, strict=True):
            reply.deferred.callback(text)
        return self.successResultOf(answer)

    def test_the_answer_and_its_count(self) -> None:
        self.assertEqual(
            self.answer("Hello"),
            Answer(
                choices=(Choice(text="Hello", reason="stop"),),
                usage=Usage(input_tokens=8, output_tokens=1),
            ),
        )

    def test_stops_and_the_limit_cut_it(self) -> None:
        self.assertEqual(self.answer("one END", stop=("END",)).choices[0].text, "one ")
        self.gpt.replies.clear()
        cut = self.answer(" a b c d e", max_output_tokens=2)
        self.assertEqual(cut.choices, (Choice(text=" a b", reason="length"),))
        self.assertEqual(cut.usage.output_tokens, 2)

    def test_several_choices_are_several_calls(self) -> None:
        answer = self.answer("a", "b", choices=2)
        self.assertEqual([choice.text for choice in answer.choices], ["a", "b"])

    def test_the_first_failed_choice_ends_the_others(self) -> None:
        answer = Deferred.fromCoroutine(self.begin(choices=2).answer())
        self.gpt.replies[0].deferred.errback(UpstreamRefused(detail="no"))
        self.failureResultOf(answer, UpstreamRefused)
        self.assertTrue(self.gpt.replies[1].cancelled)

    def test_a_call_is_given_the_whole_timeout(self) -> None:
        self.answer("a")
        self.assertEqual(self.gpt.replies[0].asked.timeout_seconds, 30.0)


class InputLimitTests(CompletionCase):
    def test_an_input_over_the_limit_is_refused_before_any_call(self) -> None:
        completion = self.begin("word " * 5000)
        error = self.failureResultOf(self.turn(completion), ContextLengthExceeded).value
        self.assertEqual((error.status, error.param), (400, "messages"))
        self.assertEqual(error.fields["limit"], 4100)
        self.assertEqual(self.gpt.streams, [])

    def test_an_input_many_times_over_the_limit_is_not_counted_to_its_end(self) -> None:
        for words, shown in ((8_000, "come to 8"), (40_000, "come to more than 8200 tokens")):
            completion = self.begin("word " * words)
            error = self.failureResultOf(self.turn(completion), ContextLengthExceeded).value
            self.assertIn(shown, error.message())

    def test_a_long_input_within_the_limit_is_taken(self) -> None:
        self.turn(self.begin("word " * 4000))
        self.assertEqual(len(self.gpt.streams), 1)
