"""The demonstration model."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import ChatRequest, Message
from piecesd.embedded.echo import MAX_QUOTED_CHARACTERS, EchoModel, echo_text, split_words
from piecesd.embedded.model import Piece


def request(*messages: Message) -> ChatRequest:
    return ChatRequest(model="gpt-4o", messages=messages)


async def read(model: EchoModel, asked: ChatRequest, *, paced: bool) -> list[Piece]:
    answer = model.open(asked, paced=paced)
    pieces = [await answer.next_piece()]
    while not pieces[-1].is_last:
        pieces.append(await answer.next_piece())
    answer.close()
    return pieces


class EchoTextTests(SynchronousTestCase):
    def test_it_says_what_it_is_and_for_which_model_it_stands(self) -> None:
        text = echo_text(request(Message(role="user", text="hi")))
        self.assertIn("built-in demonstration model", text)
        self.assertIn("gpt-4o", text)

    def test_it_repeats_the_last_message_and_counts_the_dialogue(self) -> None:
        text = echo_text(
            request(
                Message(role="system", text="secret rules"),
                Message(role="user", text="first"),
                Message(role="assistant", text="second"),
                Message(role="user", text="third"),
            )
        )
        self.assertTrue(text.endswith("Message 3 of this conversation says: third"))
        self.assertNotIn("secret rules", text)

    def test_a_conversation_without_messages_is_answered_too(self) -> None:
        self.assertIn("no message to answer", echo_text(request()))

    def test_a_long_message_is_repeated_in_part(self) -> None:
        text = echo_text(request(Message(role="user", text="x" * 1_000_000)))
        self.assertTrue(text.endswith("x…"))
        self.assertLess(len(text), MAX_QUOTED_CHARACTERS + 300)


class SplitWordsTests(SynchronousTestCase):
    @given(st.text(st.characters()))
    def test_the_words_are_the_whole_text(self, text: str) -> None:
        self.assertEqual("".join(split_words(text)), text)

    def test_blanks_stand_before_their_word(self) -> None:
        self.assertEqual(split_words("one  two\n\nthree "), ["one", "  two", "\n\nthree", " "])

    def test_chinese_characters_are_words(self) -> None:
        self.assertEqual(split_words("say 你好!"), ["say", " 你", "好", "!"])


class EchoModelTests(SynchronousTestCase):
    def test_only_the_last_piece_is_the_last(self) -> None:
        asked = request(Message(role="user", text="hi there"))
        pieces = asyncio.run(read(EchoModel(0), asked, paced=True))
        self.assertEqual("".join(piece.text for piece in pieces), echo_text(asked))
        self.assertEqual([piece.is_last for piece in pieces], [False] * (len(pieces) - 1) + [True])

    def test_an_answer_that_nobody_watches_is_not_slowed_down(self) -> None:
        asked = request(Message(role="user", text="hi"))
        pieces = asyncio.run(
            asyncio.wait_for(read(EchoModel(3_600), asked, paced=False), timeout=5)
        )
        self.assertTrue(pieces[-1].is_last)

    def test_an_answer_that_is_watched_pauses_before_each_word(self) -> None:
        with self.assertRaises(TimeoutError):
            asyncio.run(asyncio.wait_for(read(EchoModel(3_600), request(), paced=True), 0.01))
