"""The text form of conversations."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import Message
from piecesd.families.transcript import encodable, read_transcript, write_transcript

ROLES = st.sampled_from(["system", "user", "assistant", "tool"])
ANY_TEXT = st.text(st.characters())


def messages(text: st.SearchStrategy[str] = ANY_TEXT) -> st.SearchStrategy[tuple[Message, ...]]:
    """Conversations of messages with ``text``."""
    return st.lists(st.builds(Message, role=ROLES, text=text)).map(tuple)


class WriteTranscriptTests(SynchronousTestCase):
    def test_each_message_is_its_role_its_text_and_an_end(self) -> None:
        conversation = (Message(role="user", text="hi"), Message(role="tool", text="42"))
        self.assertEqual(write_transcript(conversation), "user:hi;\r\ntool:42;\r\n")

    def test_no_messages_are_no_text(self) -> None:
        self.assertEqual(write_transcript(()), "")

    @given(messages())
    def test_whatever_is_written_has_a_form_in_utf_8(
        self, conversation: tuple[Message, ...]
    ) -> None:
        write_transcript(conversation).encode()


class ReadTranscriptTests(SynchronousTestCase):
    @given(messages(st.text(st.characters(codec="utf-8", exclude_characters=";"))))
    def test_what_was_written_reads_back(self, conversation: tuple[Message, ...]) -> None:
        self.assertEqual(read_transcript(write_transcript(conversation)), conversation)

    def test_a_semicolon_and_line_break_inside_a_text_stay_in_it(self) -> None:
        conversation = (Message(role="user", text="a;\r\nb;"), Message(role="user", text=":;\r\n"))
        self.assertEqual(read_transcript(write_transcript(conversation)), conversation)

    @given(ANY_TEXT)
    def test_any_text_reads(self, text: str) -> None:
        read_transcript(text)

    def test_text_that_begins_with_no_role_is_skipped(self) -> None:
        self.assertEqual(
            read_transcript("stray;\r\nuser:hi;\r\n"), (Message(role="user", text="hi"),)
        )

    def test_a_megabyte_of_beginnings_without_an_end_is_read_as_one_message(self) -> None:
        text = "user:" * 200_000
        self.assertEqual(
            read_transcript(text), (Message(role="user", text=text.removeprefix("user:")),)
        )


class EncodableTests(SynchronousTestCase):
    @given(st.text(st.characters(codec="utf-8")))
    def test_text_that_utf_8_has_a_form_for_is_left_alone(self, text: str) -> None:
        self.assertEqual(encodable(text), text)

    def test_a_lone_surrogate_becomes_a_replacement_character(self) -> None:
        self.assertEqual(encodable("a\ud800b"), "a\ufffdb")
