import msgspec
from twisted.trial.unittest import SynchronousTestCase

from piecesd.workers.messages import (
    All,
    AskAll,
    Drain,
    Hurry,
    Member,
    Ready,
    Report,
    Retire,
    Tell,
    decode_order,
    decode_report,
    encode,
)

REPORTS = [Ready(), Report(status={"requests": {"total": 1}}), AskAll()]
ORDERS = [
    Tell(),
    Drain(),
    Retire(),
    Hurry(),
    All(
        others=[{"status": "a\nb"}],
        members=[Member(worker=0, pid=7, uptime_seconds=1.5)],
        uptime_seconds=2.0,
    ),
]


class MessageTests(SynchronousTestCase):
    def test_each_is_one_line_and_arrives_as_it_was(self) -> None:
        for message in REPORTS:
            self.assertEqual(encode(message).count(b"\n"), 1)
            self.assertEqual(decode_report(encode(message)), message)
        for message in ORDERS:
            self.assertEqual(encode(message).count(b"\n"), 1)
            self.assertEqual(decode_order(encode(message)), message)

    def test_a_field_that_a_newer_one_has_is_passed_over(self) -> None:
        self.assertEqual(decode_order(b'{"is":"drain","new":1}'), Drain())

    def test_anything_else_is_an_error(self) -> None:
        for line in (b"", b"{}", b"drain", b'{"is":"ready"}', b'{"is":"all"}'):
            with self.assertRaises(msgspec.MsgspecError):
                decode_order(line)
