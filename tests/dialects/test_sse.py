"""Server-sent events: what is framed is read back, however it is cut."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.dialects.sse import SseParser, frame

cut_places = st.lists(st.integers(min_value=0, max_value=200)).map(sorted)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *places, len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def read(pieces: list[bytes]) -> list[str]:
    parser = SseParser()
    return [event for piece in pieces for event in parser.feed(piece)]


class FrameTests(SynchronousTestCase):
    def test_one_line_makes_one_field_and_a_blank_line(self) -> None:
        self.assertEqual(frame(b'{"a": 1}'), b'data: {"a": 1}\n\n')

    def test_an_event_may_have_a_name(self) -> None:
        self.assertEqual(frame(b"{}", "ping"), b"event: ping\ndata: {}\n\n")

    def test_each_line_has_its_own_field(self) -> None:
        self.assertEqual(frame(b"one\ntwo"), b"data: one\ndata: two\n\n")


class SseParserTests(SynchronousTestCase):
    @given(st.lists(st.text(alphabet=st.sampled_from("a: \r\n\ufeff中😀"))), cut_places)
    def test_any_texts_are_read_back_however_they_are_cut(
        self, texts: list[str], places: list[int]
    ) -> None:
        stream = b"".join(frame(text.encode()) for text in texts)
        with_newlines = [re.sub(r"\r\n|\r", "\n", text) for text in texts]
        self.assertEqual(read(cut(stream, places)), with_newlines)

    @given(st.sampled_from([b"\n", b"\r", b"\r\n"]), cut_places)
    def test_lines_may_end_in_any_of_three_ways(self, end: bytes, places: list[int]) -> None:
        stream = end.join([b"data: one", b"data: two", b"", b"data: three", b"", b""])
        self.assertEqual(read(cut(stream, places)), ["one\ntwo", "three"])

    @given(st.binary(), cut_places)
    def test_any_bytes_give_the_same_events_however_they_are_cut(
        self, stream: bytes, places: list[int]
    ) -> None:
        self.assertEqual(read(cut(stream, places)), read([stream]))

    def test_comments_other_fields_and_events_without_data_are_passed_over(self) -> None:
        stream = b": hello\n\nevent: x\nid: 1\n\nevent: y\ndata:no space\nretry: 5\n\n"
        self.assertEqual(read([stream]), ["no space"])

    def test_a_byte_order_mark_before_the_stream_is_no_part_of_it(self) -> None:
        self.assertEqual(read([b"\xef\xbb", b"\xbfdata: a\n\n"]), ["a"])

    def test_an_event_that_is_not_ended_does_not_come_out(self) -> None:
        self.assertEqual(read([b"data: a\n\ndata: b\n"]), ["a"])
