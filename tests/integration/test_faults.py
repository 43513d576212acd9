"""An upstream that fails in every way there is, and what clients get to see."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import start
from tests.integration.status import assert_idle
from tests.integration.web import chat, open_chat, stream_chat

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Failure:
    """A scripted outcome, and what it is to a client."""

    outcome: str
    status: int
    code: str
    retried: bool


FAILURES = (
    Failure("status=UNAVAILABLE", 502, "upstream_unavailable", True),
    Failure("status=INTERNAL", 502, "upstream_broken", True),
    Failure("status=UNKNOWN", 502, "upstream_broken", True),
    Failure("status=RESOURCE_EXHAUSTED", 429, "rate_limit_exceeded", True),
    Failure("status=PERMISSION_DENIED", 502, "upstream_error", False),
    Failure("status=UNIMPLEMENTED", 502, "upstream_error", False),
    Failure("status=DEADLINE_EXCEEDED", 504, "upstream_timeout", False),
    Failure("status=CANCELLED", 502, "upstream_error", False),
    Failure("code=429", 429, "rate_limit_exceeded", True),
    Failure("code=500", 502, "upstream_error", True),
    Failure("code=439", 502, "upstream_error", False),
    Failure("code=400", 502, "upstream_error", False),
    Failure("reset", 502, "upstream_unavailable", True),
    Failure("garbage", 502, "upstream_broken", True),
)

MODELS = ("gpt-4o", "gemini-1.5-pro")


class FaultTestCase(SynchronousTestCase):
    """Starts a daemon whose built-in upstream takes scripted faults."""

    settings: dict[str, str] = {}  # noqa: RUF012 read only

    def setUp(self) -> None:
        # Nearly all of these calls fail, and are to be tried again all the same.
        self.daemon = start(
            self, UPSTREAM_FAULTS="true", ECHO_DELAY="0", RETRY_BUDGET="1000", **self.settings
        )
        self.port = self.daemon.port
        self.addCleanup(self.assert_nothing_is_left)

    def assert_nothing_is_left(self) -> None:
        """No call is open, and the next requests are answered."""
        assert_idle(self.daemon)
        self.assertEqual(chat(self.port, "hello").status, 200)
        self.assertTrue(stream_chat(self.port, "hello").is_done)

    def retries_of(self, request_id: str) -> int:
        """How many retries the access line of the request tells of; as many
        are logged one by one."""
        counted = int(self.daemon.wait_for(rf"{request_id} model=.* retries=(\d+)$")[1])
        self.assertEqual(len(self.daemon.matching(f"{request_id} retry ")), counted)
        return counted


class FailureTests(FaultTestCase):
    settings = {"MAX_RETRIES": "1"}  # noqa: RUF012

    def test_before_the_first_piece_it_is_an_http_error(self) -> None:
        for number, failure in enumerate(FAILURES):
            for stream in (False, True):
                request_id = f"before.{number}.{stream}"
                reply = chat(
                    self.port,
                    f"[[fault: {failure.outcome}]]",
                    model=MODELS[number % 2],
                    stream=stream,
                    headers={"x-request-id": request_id},
                )
                self.assertEqual(
                    (reply.status, reply.error["code"]),
                    (failure.status, failure.code),
                    (failure, stream, reply.body),
                )
                self.assertEqual(self.retries_of(request_id), failure.retried, failure)
                if failure.outcome.startswith("code=4") and failure.status == 502:
                    self.assertIn(failure.outcome[-3:], reply.error["message"])
                assert_idle(self.daemon)

    def test_after_the_first_piece_it_is_an_error_event_and_not_retried(self) -> None:
        for model in MODELS:
            for number, failure in enumerate(FAILURES):
                request_id = f"after.{model}.{number}"
                answer = stream_chat(
                    self.port,
                    f"[[fault: after=3 {failure.outcome}]]",
                    model=model,
                    headers={"x-request-id": request_id},
                )
                self.assertEqual(answer.text, "This is the", failure)
                self.assertEqual(answer.error["code"], failure.code, failure)
                self.assertEqual((answer.finish_reasons, answer.is_done), ([], False), failure)
                self.assertEqual(self.retries_of(request_id), 0)
                self.assertIn(" broken ", self.daemon.matching(f"-> 200 .* {request_id} ")[0])
                assert_idle(self.daemon)

    def test_one_broken_choice_breaks_the_whole_answer(self) -> None:
        fault = "[[fault: after=3 status=PERMISSION_DENIED]]"
        self.assertEqual(chat(self.port, fault, n=3).status, 502)
        answer = stream_chat(self.port, fault, n=3)
        self.assertEqual(answer.error["code"], "upstream_error")
        self.assertFalse(answer.is_done)

    def test_a_stream_that_is_not_marked_as_ended_but_closed_cleanly_is_whole(self) -> None:
        for model in MODELS:
            answer = stream_chat(
                self.port, "[[fault: pieces=5 size=2 after=5 unmarked]]", model=model
            )
            self.assertEqual(answer.text, "x" * 10)
            self.assertEqual((answer.finish_reasons, answer.is_done), (["stop"], True))
            reply = chat(self.port, "[[fault: unmarked]]", model=model, stream=True)
            self.assertEqual((reply.status, reply.error["code"]), (502, "upstream_broken"))

    def test_empty_pieces_are_an_empty_answer(self) -> None:
        for model in MODELS:
            fault = "[[fault: pieces=1000 size=0]]"
            self.assertEqual(chat(self.port, fault, model=model).text, "")
            answer = stream_chat(self.port, fault, model=model)
            self.assertEqual((answer.text, answer.error), ("", None))
            self.assertEqual((answer.finish_reasons, answer.is_done), (["stop"], True))

    def test_huge_pieces_come_whole(self) -> None:
        size = 5 * MEBIBYTE // 2
        for model in MODELS:
            answer = stream_chat(self.port, f"[[fault: pieces=2 size={size}]]", model=model)
            self.assertEqual(answer.text, "x" * 2 * size)
            self.assertTrue(answer.is_done)
            self.assertEqual(
                chat(self.port, f"[[fault: size={size}]]", model=model).text, "x" * size
            )

    def test_a_piece_over_the_limit_of_a_message_is_refused(self) -> None:
        fault = f"[[fault: size={17 * MEBIBYTE}]]"
        for stream in (False, True):
            reply = chat(self.port, fault, stream=stream)
            self.assertEqual(reply.status, 502)
            self.assertIn("larger", reply.error["message"])


class RetryTests(FaultTestCase):
    def test_attempts_that_fail_before_the_first_piece_are_made_again(self) -> None:
        asked: tuple[Callable[..., Any], ...] = (chat, stream_chat)
        for number, failure in enumerate(each for each in FAILURES if each.retried):
            for ask in asked:
                request_id = f"retried.{ask.__name__}.{number}"
                fault = f"[[fault: attempts=1 {failure.outcome}]] {request_id}"
                answer = ask(self.port, fault, headers={"x-request-id": request_id})
                self.assertTrue(answer.text.endswith(request_id), failure)
                self.assertEqual(self.retries_of(request_id), 1, failure)

    def test_an_unstreamed_answer_that_breaks_is_asked_for_again(self) -> None:
        fault = "[[fault: after=3 attempts=1 status=UNAVAILABLE]]"
        self.assertTrue(chat(self.port, fault).text.endswith(fault))

    def test_there_are_no_more_than_max_retries(self) -> None:
        for stream in (False, True):
            request_id = f"given-up.{stream}"
            fault = f"[[fault: attempts=4 status=UNAVAILABLE]] {request_id}"
            headers = {"x-request-id": request_id}
            reply = chat(self.port, fault, stream=stream, headers=headers)
            self.assertEqual(reply.status, 502)
            self.assertEqual(self.retries_of(request_id), 3)
            # The fifth attempt is the first of this request.
            self.assertEqual(chat(self.port, fault, stream=stream).status, 200)

    def test_each_choice_has_its_own_attempts(self) -> None:
        fault = "[[fault: attempts=2 status=UNAVAILABLE]]"
        reply = chat(self.port, fault, n=2, headers={"x-request-id": "two"})
        self.assertEqual(len(reply.json["choices"]), 2)
        self.assertEqual(self.retries_of("two"), 2)


class DeadlineTests(FaultTestCase):
    settings = {  # noqa: RUF012
        "TIMEOUT": "0.5",
        "STREAM_IDLE_TIMEOUT": "0.7",
        "STREAM_TIMEOUT": "2",
        "MAX_RETRIES": "20",
    }

    def test_an_upstream_that_never_answers_is_a_timeout(self) -> None:
        for stream in (False, True):
            waiting = open_chat(self.port, "[[fault: stall]]", stream=stream)
            reply = waiting.reply()
            self.assertEqual((reply.status, reply.error["code"]), (504, "upstream_timeout"))
            assert_idle(self.daemon)

    def test_retries_end_with_the_deadline(self) -> None:
        for stream in (False, True):
            reply = chat(self.port, "[[fault: status=UNAVAILABLE]]", stream=stream)
            self.assertEqual(reply.status, 502)
        for match in self.daemon.matching("chat/completions -> 502"):
            self.assertLess(float(match.partition(" in ")[2].partition("s")[0]), 0.8, match)

    def test_a_stream_that_falls_silent_is_broken(self) -> None:
        answer = stream_chat(self.port, "[[fault: after=3 stall]]")
        self.assertEqual((answer.text, answer.is_done), ("This is the", False))
        self.assertEqual(answer.error["code"], "upstream_timeout")

    def test_an_unstreamed_answer_that_stalls_half_way_is_a_timeout(self) -> None:
        self.assertEqual(chat(self.port, "[[fault: after=3 stall]]").status, 504)


class WholeDeadlineTests(FaultTestCase):
    settings = {"ECHO_DELAY": "0.05", "STREAM_TIMEOUT": "0.5"}  # noqa: RUF012

    def setUp(self) -> None:
        self.daemon = start(self, **self.settings)

    def test_a_stream_that_takes_too_long_in_all_is_broken(self) -> None:
        answer = stream_chat(self.daemon.port, "hello")
        self.assertTrue(answer.text.startswith("This is the"))
        self.assertEqual(answer.error["code"], "upstream_timeout")
        self.assertEqual((answer.finish_reasons, answer.is_done), ([], False))
        assert_idle(self.daemon)
