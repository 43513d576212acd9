"""Every fault, at every place of an answer, on both services: what docs/reliability.md
says of it is what clients see, what is logged, and all that is left of it."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from piecesd.embedded.checked import checked_pieces
from tests.integration.daemon import Daemon, eventually, start
from tests.integration.fault_table import FaultRow, Seen, fault_rows
from tests.integration.status import assert_idle
from tests.integration.web import chat, get, open_chat, stream_chat

MODELS = ("gpt-4o", "gemini-1.5-pro")
PIECES, SIZE = 6, 5
MAX_RETRIES = 1
AT_A_TIME = 8

STEADY_LOOKS = 150
"""So many looks, a hundredth of a second apart, are longer than SCALE_INTERVAL,
at which idle threads go."""

SETTLE_SECONDS = 15.0

OUTCOMES = {"error": "error", "event": "broken", "whole": "ok"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One fault at one place of one answer. ``sent`` pieces come before it."""

    row: FaultRow
    model: str
    place: str
    words: str
    sent: int
    expected: Seen

    @property
    def streamed(self) -> bool:
        return self.place != "unstreamed"

    @property
    def request_id(self) -> str:
        at = self.words.replace("=", "")
        name = re.sub(r"[^\w.-]", ".", self.row.fault)
        return f"{self.model}.{name}.{self.place}.{at}"

    @property
    def question(self) -> str:
        answer = f"pieces={PIECES} size={SIZE} checked"
        return f"[[fault: {answer} {self.words} {self.row.fault}]] {self.request_id}"

    @property
    def text(self) -> str:
        return "".join(checked_pieces(self.question, PIECES, SIZE)[: self.sent])

    @property
    def kind(self) -> str:
        if self.expected.code is None:
            return "whole"
        return "event" if self.expected.status == 200 else "error"

    @property
    def retries(self) -> int:
        return MAX_RETRIES if self.row.retried and self.kind == "error" else 0


def cells() -> Iterator[Cell]:
    """The matrix. What an answer holds after a fault that lets it be whole
    is what was sent before the fault; all of it, if the fault is only slow."""
    for row in fault_rows():
        is_slow = row.fault.startswith("pause")
        for model in MODELS:
            places = [
                ("before", "after=0", 0),
                ("amid", "after=3", 3),
                ("amid", f"after={PIECES}", PIECES),
                ("behind", "late", PIECES),
                ("unstreamed", "after=0", 0),
                ("unstreamed", "after=3", 3),
                ("unstreamed", "late", PIECES),
            ]
            for place, words, sent in places:
                yield Cell(
                    row=row,
                    model=model,
                    place=place,
                    words=words,
                    sent=PIECES if is_slow else sent,
                    expected=row.seen[place],  # type: ignore[index]  # a Place
                )


class FaultMatrixTests(SynchronousTestCase):
    settings: ClassVar = {
        "UPSTREAM_FAULTS": "true",
        "ECHO_DELAY": "0",
        "RETRY_BUDGET": "1000",  # nearly all of these calls fail
        "MAX_RETRIES": str(MAX_RETRIES),
        "TIMEOUT": "1",
        "STREAM_IDLE_TIMEOUT": "0.5",
        "MIN_POOL_SIZE": "2",
        "MAX_POOL_SIZE": "2",
        "SCALE_INTERVAL": "1",
    }

    def setUp(self) -> None:
        self.daemon = start(self, **self.settings)

    def test_every_cell_is_as_the_page_says_and_leaves_nothing(self) -> None:
        matrix = list(cells())
        self.assertGreater(len(matrix), 200)
        before = self.settle(self.daemon)
        # A reset takes the other calls of its connection with it.
        together = [cell for cell in matrix if cell.row.fault != "reset"]
        alone = [cell for cell in matrix if cell.row.fault == "reset"]
        with ThreadPoolExecutor(AT_A_TIME) as threads:
            wrong = [problem for problem in threads.map(self.problem_of, together) if problem]
        wrong += [problem for cell in alone if (problem := self.problem_of(cell))]
        self.assertEqual(wrong, [])
        self.assertEqual([each for cell in matrix for each in self.misreported(cell)], [])
        for now, then in zip(self.settle(self.daemon), before, strict=True):
            self.assertLessEqual(now, then)

    def problem_of(self, cell: Cell) -> str:
        """What was not as the page says; empty if all was."""
        try:
            seen, text = self.ask(cell)
        except Exception as error:
            return f"{cell.request_id}: {error!r}"
        if seen != cell.expected:
            return f"{cell.request_id}: {seen} and not {cell.expected}"
        if cell.kind != "error" and text != cell.text:
            return f"{cell.request_id}: {text!r} and not {cell.text!r}"
        return ""

    def ask(self, cell: Cell) -> tuple[Seen, str]:
        asked = open_chat(
            self.daemon.port,
            cell.question,
            model=cell.model,
            stream=cell.streamed,
            headers={"x-request-id": cell.request_id},
        )
        if not cell.streamed or asked.response.status != 200:
            reply = asked.reply()
            if reply.status != 200:
                return Seen(reply.status, reply.error["code"]), ""
            return Seen(200, None), reply.text
        answer = asked.streamed()
        if answer.error is None:
            assert (answer.finish_reasons, answer.is_done) == (["stop"], True), answer
            return Seen(200, None), answer.text
        assert (answer.finish_reasons, answer.is_done) == ([], False), answer
        return Seen(200, answer.error["code"]), answer.text

    def misreported(self, cell: Cell) -> Iterator[str]:
        """What its lines in the log should not say."""
        name = re.escape(cell.request_id)
        self.daemon.wait_for(rf" {name} model=")
        lines = self.daemon.matching(rf" {name} model=")
        expected = (
            rf"-> {cell.expected.status} in .* {OUTCOMES[cell.kind]} {name} .* "
            rf"retries={cell.retries}$"
        )
        if len(lines) != 1 or not re.search(expected, lines[0]):
            yield f"{lines} and not {expected}"
        if len(self.daemon.matching(rf" {name} retry ")) != cell.retries:
            yield f"{cell.request_id}: not {cell.retries} lines of a retry"

    def settle(self, daemon: Daemon) -> tuple[int, int]:
        """Files and threads of the daemon once it has answered a burst of good
        requests, so that each channel is connected, and nothing is under way."""
        burst = [(model, stream) for model in MODELS for stream in (False, True)] * AT_A_TIME
        with ThreadPoolExecutor(AT_A_TIME) as threads:
            assert all(threads.map(lambda each: self.is_answered(*each), burst))
        assert_idle(daemon)
        self.assertEqual(get(daemon.port, "/").json["requests"]["api"]["in_flight"], 0)
        figures: list[tuple[int, int]] = []

        def is_steady() -> bool:
            figures.append((daemon.open_files, daemon.threads))
            return len(figures) > STEADY_LOOKS and len(set(figures[-STEADY_LOOKS:])) == 1

        self.assertTrue(eventually(is_steady, SETTLE_SECONDS), figures)
        return figures[-1]

    def is_answered(self, model: str, stream: bool) -> bool:
        port = self.daemon.port
        if stream:
            return stream_chat(port, "hello", model=model).is_done
        return chat(port, "hello", model=model).status == 200
