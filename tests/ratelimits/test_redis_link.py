from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from piecesd.ratelimits.redis_link import PROBE_SECONDS, WAIT_SECONDS, RedisAway, shown_place
from tests.ratelimits.far_redis import FarRedisCase


class RedisLinkTests(FarRedisCase):
    def question(self) -> Deferred[Any]:
        return self.link.ask(lambda: "yes")

    def test_what_redis_says_is_the_answer(self) -> None:
        question = self.question()
        self.assertNoResult(question)
        self.answer()
        self.assertEqual(self.successResultOf(question), "yes")
        self.assertEqual((self.link.is_usable, self.messages), (True, []))

    def test_a_slow_one_is_waited_for_a_bounded_time_and_its_late_answer_is_nobodys(self) -> None:
        question = self.question()
        self.clock.advance(WAIT_SECONDS - 0.01)
        self.assertNoResult(question)
        self.clock.advance(0.02)
        self.failureResultOf(question, RedisAway)
        self.answer()
        self.assertEqual((self.link.is_usable, len(self.messages)), (False, 1))

    def test_it_comes_back_by_itself_and_both_is_said_once(self) -> None:
        returns: list[bool] = []
        self.link.on_return(lambda: returns.append(self.link.is_usable))
        question = self.question()
        self.refuse()
        self.failureResultOf(question, RedisAway)
        (message,) = self.messages
        self.assertIn("db.example:6379 does not answer (refused)", message)
        for _ in range(3):
            self.clock.advance(PROBE_SECONDS)
            self.refuse()
        self.clock.advance(PROBE_SECONDS)
        self.clock.advance(PROBE_SECONDS)  # a question that is not answered
        self.asked.clear()
        self.clock.advance(PROBE_SECONDS)
        self.assertEqual((self.link.is_usable, returns), (False, []))
        self.answer()
        self.assertEqual((self.link.is_usable, returns), (True, [True]))
        self.assertEqual(
            self.messages[1:], ["Redis at db.example:6379 counts the rate limits again"]
        )

    def test_many_questions_that_fail_at_once_are_one_outage(self) -> None:
        questions = [self.question() for _ in range(5)]
        self.refuse()
        for question in questions:
            self.failureResultOf(question, RedisAway)
        self.assertEqual(len(self.messages), 1)
        self.clock.advance(PROBE_SECONDS)
        self.assertEqual(len(self.asked), 1)

    def test_who_waits_no_longer_is_no_outage(self) -> None:
        question = self.question()
        question.cancel()
        self.failureResultOf(question, CancelledError)
        self.assertEqual(self.messages, [])
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_is_not_trusted_before_it_has_answered_for_the_first_time(self) -> None:
        self.link.stopService()
        self.link = self.started()
        self.assertFalse(self.link.is_usable)
        self.refuse()
        self.assertFalse(self.link.is_usable)
        self.assertIn("does not answer", self.messages[0])

    def test_nothing_is_asked_after_the_end(self) -> None:
        question = self.question()
        self.refuse()
        self.failureResultOf(question, RedisAway)
        self.link.stopService()
        self.assertEqual((self.threads.started, self.link.is_usable), (False, False))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class PlaceTests(SynchronousTestCase):
    def test_it_has_no_password(self) -> None:
        for url in ("redis://me:secret@db:6379/1", "redis://:s@cret@db:6379"):
            self.assertEqual(shown_place(url), "db:6379")
