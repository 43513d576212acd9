"""Reading server-sent events."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.embedded.sse import MAX_EVENT_BYTES, BrokenEvents, EventReader


def read(*chunks: bytes) -> list[str]:
    reader = EventReader()
    return [event for chunk in chunks for event in reader.feed(chunk)]


class EventReaderTests(SynchronousTestCase):
    def test_an_event_ends_at_an_empty_line(self) -> None:
        self.assertEqual(read(b"data: one\n\ndata: two\n\ndata: cut"), ["one", "two"])

    def test_lines_may_end_in_carriage_return_and_newline(self) -> None:
        self.assertEqual(read(b"data: one\r\n\r\n"), ["one"])

    def test_the_blank_after_the_colon_may_be_missing_and_only_one_is_taken(self) -> None:
        self.assertEqual(read(b"data:one\n\ndata:  two\n\n"), ["one", " two"])

    def test_data_of_several_lines_is_joined_by_newlines(self) -> None:
        self.assertEqual(read(b"data: a\ndata\ndata: b\n\n"), ["a\n\nb"])

    def test_comments_and_other_fields_and_events_without_data_are_skipped(self) -> None:
        self.assertEqual(read(b": ping\n\nevent: x\nid: 3\n\ndatabase: y\n\ndata: z\n\n"), ["z"])

    @given(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")), max_size=9),
        st.data(),
    )
    def test_events_are_the_same_however_the_bytes_are_cut(
        self, texts: list[str], data: st.DataObject
    ) -> None:
        stream = "".join(f"data: {text}\r\n\r\n" for text in texts).encode()
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=9)))
        chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        self.assertEqual(read(*chunks), texts)

    @given(st.lists(st.binary(max_size=50)))
    def test_any_bytes_are_events_or_refused(self, chunks: list[bytes]) -> None:
        try:
            read(*chunks)
        except BrokenEvents as error:
            self.assertIn("UTF-8", str(error))

    def test_what_is_not_utf_8_is_refused_after_the_events_before_it(self) -> None:
        events = EventReader().feed(b"data: one\n\ndata: \xff\n\n")
        self.assertEqual(next(events), "one")
        self.assertRaises(BrokenEvents, next, events)

    def test_an_event_without_end_is_refused_before_it_fills_the_memory(self) -> None:
        reader = EventReader()
        list(reader.feed(b"data: " + b"x" * (MAX_EVENT_BYTES // 2)))
        with self.assertRaises(BrokenEvents):
            list(reader.feed(b"x" * (MAX_EVENT_BYTES // 2)))

    def test_an_event_of_endless_lines_is_refused_too(self) -> None:
        reader = EventReader()
        line = b"data: " + b"x" * (MAX_EVENT_BYTES // 2) + b"\n"
        list(reader.feed(line))
        with self.assertRaises(BrokenEvents):
            list(reader.feed(line + b"data: y\n"))
