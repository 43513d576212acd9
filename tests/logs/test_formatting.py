"""Events as lines, whatever stands in them."""

import json
import os
import time
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogEvent, LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from piecesd.logs.formatting import json_line, text_line
from piecesd.logs.redaction import Redaction
from tests.logs.test_redaction import SECRETS

NONE = Redaction([])
FORGERY = "x\n2026-01-01T00:00:00.000+00:00 [a#info] forged\r\u2028\u0085\x1b[2J\u202e"


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def event(format: str = "hello", **fields: object) -> LogEvent:
    return {
        "log_time": 1_000_000_000.25,
        "log_level": LogLevel.info,
        "log_namespace": "piecesd.test",
        "log_format": format,
    } | fields


def failure(message: str) -> Failure:
    try:
        raise ValueError(message)
    except ValueError:
        return Failure()


def in_zone(case: SynchronousTestCase, zone: str) -> None:
    """Make ``zone`` the local one until the test ends."""
    before = os.environ.get("TZ")

    def set_zone(name: str | None) -> None:
        os.environ.pop("TZ", None)
        if name is not None:
            os.environ["TZ"] = name
        time.tzset()

    set_zone(zone)
    case.addCleanup(set_zone, before)


values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.just(FORGERY)
    | st.builds(Unprintable)
    | st.builds(lambda: 10**5000),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=10,
)
keys = st.text() | st.sampled_from(
    ["log_format", "log_time", "log_namespace", "log_level", "time", "level", "message", "status"]
)
events = st.dictionaries(keys, values, max_size=8)


class TextTests(SynchronousTestCase):
    def test_a_line_has_time_namespace_level_and_message(self) -> None:
        in_zone(self, "CST-8")
        self.assertEqual(
            text_line(event("{method} -> {status}", method="GET", status=200), NONE),
            "2001-09-09T09:46:40.250+08:00 [piecesd.test#info] GET -> 200\n",
        )

    def test_the_id_of_the_request_stands_in_the_line_in_any_case(self) -> None:
        self.assertTrue(text_line(event(request_id="r1"), NONE).endswith("hello request_id=r1\n"))
        self.assertTrue(
            text_line(event("{request_id}!", request_id="r1"), NONE).endswith("] r1!\n")
        )

    def test_a_traceback_follows_in_indented_lines(self) -> None:
        head, *rest = text_line(event(log_failure=failure("a\nb")), NONE).splitlines()
        self.assertTrue(head.endswith("hello"))
        self.assertTrue(all(line.startswith("    ") for line in rest))
        self.assertIn("ValueError: a", "\n".join(rest))

    @given(events)
    def test_no_event_begins_a_line_of_its_own(self, any_event: LogEvent) -> None:
        line = text_line(any_event, NONE)
        self.assertEqual(len(line.splitlines()), 1)
        self.assertTrue(line.endswith("\n"))
        line.encode("utf-8")

    @given(st.text())
    def test_no_failure_begins_a_line_of_its_own(self, message: str) -> None:
        _, *rest = text_line(event(log_failure=failure(FORGERY + message)), NONE).splitlines()
        self.assertTrue(all(line.startswith("    ") for line in rest))

    def test_a_long_text_is_clipped(self) -> None:
        line = text_line(event("{prompt}", prompt="x" * 1_000_000), NONE)
        self.assertLess(len(line), 40_000)
        self.assertIn("more characters)", line)


class JsonTests(SynchronousTestCase):
    def test_a_line_has_the_events_own_fields_in_their_own_types(self) -> None:
        in_zone(self, "CST-8")
        line = json_line(event("{status}", status=200, seconds=0.5, model="模型", ok=True), NONE)
        self.assertEqual(
            json.loads(line),
            {
                "time": "2001-09-09T09:46:40.250+08:00",
                "level": "info",
                "namespace": "piecesd.test",
                "message": "200",
                "status": 200,
                "seconds": 0.5,
                "model": "模型",
                "ok": True,
            },
        )
        self.assertIn("模型", line)

    def test_a_failure_has_its_traceback_in_a_field(self) -> None:
        record = json.loads(json_line(event(log_failure=failure("a\nb")), NONE))
        self.assertIn("ValueError: a\nb", record["traceback"])

    def test_a_field_can_not_stand_in_for_one_of_ours(self) -> None:
        record = json.loads(json_line(event(level="debug", time="never", message=("x",)), NONE))
        self.assertEqual((record["level"], record["message"]), ("info", "hello"))
        self.assertEqual(datetime.fromisoformat(record["time"]).timestamp(), 1_000_000_000.25)

    def test_what_json_has_no_word_for_becomes_text(self) -> None:
        record = json.loads(
            json_line(
                event(a=float("nan"), b=b"\xff", c=LogLevel.warn, d={1: (2,)}, e=1 << 64), NONE
            )
        )
        self.assertEqual(
            [record[key] for key in "abcde"],
            ["nan", "\\xff", "<LogLevel=warn>", {"1": [2]}, "18446744073709551616"],
        )

    @given(events)
    def test_any_event_is_exactly_one_line_of_valid_json(self, any_event: LogEvent) -> None:
        line = json_line(any_event, NONE)
        self.assertEqual(len(line.splitlines()), 1)
        record = json.loads(line.encode("utf-8"), parse_constant=self.fail)
        self.assertTrue({"time", "level", "namespace", "message"} <= record.keys())

    def test_control_characters_come_back_from_the_json_as_they_were(self) -> None:
        self.assertEqual(json.loads(json_line(event(path=FORGERY), NONE))["path"], FORGERY)


class SecretTests(SynchronousTestCase):
    @given(SECRETS, st.text())
    def test_a_secret_is_in_no_line_wherever_it_stands(self, secret: str, text: str) -> None:
        redact = Redaction([secret])
        carrier = f"{text}{secret}"
        any_event = event(
            "{a} {b!r} {c}",
            a=carrier,
            b=carrier,
            c=[{carrier: (carrier,)}],
            d=carrier.encode("utf-8", "replace"),
            request_id=carrier,
            log_namespace=carrier,
            log_failure=failure(carrier),
        ) | {carrier: 1}
        self.assertNotIn(secret, text_line(any_event, redact))
        line = json_line(any_event, redact)
        self.assertNotIn(secret, line)
        self.assertNotIn(secret, repr(json.loads(line)))

    def test_a_secret_made_of_digits_is_not_a_number_either(self) -> None:
        line = json_line(event(a=9876543210, b=1.5), Redaction(["9876543210"]))
        record = json.loads(line)
        self.assertEqual((record["a"], record["b"]), ("(hidden)", 1.5))
