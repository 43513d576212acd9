"""Counting events, however their bytes are split."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bench.sse import EventCounter
from tests.bench.test_http2 import cut

PIECE = b'data: {"choices":[{"delta":{"content":" piece"}}]}'
OTHER = b'data: {"choices":[{"delta":{"role":"assistant"}}]}'
DONE = b"data: [DONE]"
ERROR = b'data: {"error":{"message":"cut"}}'


def counted(data: bytes, places: list[int]) -> EventCounter:
    counter = EventCounter()
    for part in cut(data, places):
        counter.feed(part)
    return counter


class EventCounterTests(SynchronousTestCase):
    @given(
        st.lists(st.sampled_from([PIECE, OTHER])),
        st.lists(st.integers(min_value=0), max_size=20),
        st.sampled_from([b"\n", b"\r\n"]),
    )
    def test_content_events_are_counted_exactly(
        self, events: list[bytes], places: list[int], line_end: bytes
    ) -> None:
        data = b"".join(event + line_end * 2 for event in [*events, DONE])
        counter = counted(data, places)
        self.assertEqual(counter.content_events, events.count(PIECE))
        self.assertEqual(counter.pieces, events.count(PIECE))
        self.assertTrue(counter.done)
        self.assertFalse(counter.partial)

    @given(st.lists(st.integers(min_value=0), max_size=20))
    def test_every_event_is_handed_out_once(self, places: list[int]) -> None:
        counter = EventCounter()
        parts = cut((PIECE + b"\n\n") * 5, places)
        self.assertEqual(b"".join(map(counter.feed, parts)).count(PIECE), 5)

    def test_pieces_joined_in_one_event_show(self) -> None:
        counter = counted(b'data: {"content":" piece piece"}\n\n', [])
        self.assertEqual((counter.content_events, counter.pieces), (1, 2))

    def test_an_unfinished_event_is_not_counted(self) -> None:
        counter = counted(PIECE + b"\n", [])
        self.assertEqual(counter.content_events, 0)
        self.assertTrue(counter.partial)

    def test_an_error_event_is_kept(self) -> None:
        self.assertEqual(counted(ERROR + b"\n\n", []).error, ERROR)
