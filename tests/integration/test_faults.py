"""What becomes of attempts, choices, sizes and time when an upstream fails.

What clients see of each fault is in test_fault_matrix."""

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import start
from tests.integration.fault_table import fault_rows
from tests.integration.status import assert_idle
from tests.integration.web import chat, stream_chat

MEBIBYTE = 1024 * 1024


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

    def test_one_broken_choice_breaks_the_whole_answer(self) -> None:
        fault = "[[fault: after=3 status=PERMISSION_DENIED]]"
        self.assertEqual(chat(self.port, fault, n=3).status, 502)
        answer = stream_chat(self.port, fault, n=3)
        self.assertEqual(answer.error["code"], "upstream_error")
        self.assertFalse(answer.is_done)

    def test_an_error_names_the_response_code_it_is_for(self) -> None:
        for stream in (False, True):
            reply = chat(self.port, "[[fault: code=439]]", stream=stream)
            self.assertIn("439", reply.error["message"])

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
        for number, row in enumerate(row for row in fault_rows() if row.retried):
            for ask in asked:
                if ask is chat and row.fault == "unmarked":
                    continue  # it is whole at once
                request_id = f"retried.{ask.__name__}.{number}"
                fault = f"[[fault: attempts=1 {row.fault}]] {request_id}"
                answer = ask(self.port, fault, headers={"x-request-id": request_id})
                self.assertTrue(answer.text.endswith(request_id), row)
                self.assertEqual(self.retries_of(request_id), 1, row)

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

    def test_retries_end_with_the_deadline(self) -> None:
        for stream in (False, True):
            reply = chat(self.port, "[[fault: status=UNAVAILABLE]]", stream=stream)
            self.assertEqual(reply.status, 502)
        for match in self.daemon.matching("chat/completions -> 502"):
            self.assertLess(float(match.partition(" in ")[2].partition("s")[0]), 0.8, match)


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
