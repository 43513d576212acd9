from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import Message
from piecesd.tokens import EncodingName, count_prompt, load, prompt_upper_bound
from tests.tokens.reference import ENCODING_NAMES, any_text, usual_text

messages_of_any_kind = st.lists(
    st.builds(
        Message,
        role=st.sampled_from(["system", "user", "assistant", "tool"]),
        text=any_text | usual_text,
        name=st.none() | any_text,
    )
)

COOKBOOK_EXAMPLE = [
    Message(
        role="system",
        text="You are a helpful, pattern-following assistant that translates corporate "
        "jargon into plain English.",
    ),
    Message(
        role="system",
        name="example_user",
        text="New synergies will help drive top-line growth.",
    ),
    Message(
        role="system",
        name="example_assistant",
        text="Things working well together will increase revenue.",
    ),
    Message(
        role="system",
        name="example_user",
        text="Let's circle back when we have more bandwidth to touch base on opportunities "
        "for increased leverage.",
    ),
    Message(
        role="system",
        name="example_assistant",
        text="Let's talk later when we're less busy about how to do better.",
    ),
    Message(
        role="user",
        text="This late pivot means we don't have time to boil the ocean for the client "
        "deliverable.",
    ),
]


class GptPromptTests(SynchronousTestCase):
    def test_the_cookbook_example_costs_what_the_openai_api_says(self) -> None:
        """129 and 124 are what the API itself counted, by the cookbook."""
        self.assertEqual(count_prompt(load("cl100k_base"), COOKBOOK_EXAMPLE), 129)
        self.assertEqual(count_prompt(load("o200k_base"), COOKBOOK_EXAMPLE), 124)

    def test_an_empty_conversation_costs_the_priming(self) -> None:
        self.assertEqual(count_prompt(load("cl100k_base"), []), 3)

    def test_a_name_costs_one_token_more_than_its_text(self) -> None:
        encoding = load("o200k_base")
        unnamed = count_prompt(encoding, [Message(role="user", text="hi")])
        named = count_prompt(encoding, [Message(role="user", text="hi", name="Ada")])
        self.assertEqual(named - unnamed, 1 + encoding.count("Ada"))


class BoundedCountTests(SynchronousTestCase):
    def test_counting_ends_soon_after_the_most_that_matters(self) -> None:
        for name in ENCODING_NAMES:
            for messages in (
                [Message(role="user", text="one two three " * 10_000)],
                [Message(role="user", text="hello there")] * 300,
            ):
                count = count_prompt(load(name), messages, 1000)
                self.assertGreater(count, 1000)
                self.assertLess(count, 1300)

    def test_a_count_that_stays_below_is_the_whole_count(self) -> None:
        for name in ENCODING_NAMES:
            whole = count_prompt(load(name), COOKBOOK_EXAMPLE)
            self.assertEqual(count_prompt(load(name), COOKBOOK_EXAMPLE, whole), whole)

    def test_much_text_is_bounded_by_its_length_however_it_is_divided(self) -> None:
        bytes_a_character: dict[EncodingName, int] = {"o200k_base": 4, "claude": 33}
        for name, size_bytes in bytes_a_character.items():
            messages = [Message(role="user", text="é" * 1000)] * 100
            self.assertGreater(prompt_upper_bound(name, messages), size_bytes * 100_000)


class ClaudePromptTests(SynchronousTestCase):
    def assert_counts_as(self, messages: list[Message], prompt: str) -> None:
        encoding = load("claude")
        self.assertEqual(count_prompt(encoding, messages), encoding.count(prompt))

    def test_each_message_stands_after_its_speaker(self) -> None:
        self.assert_counts_as(
            [
                Message(role="system", text="Be brief."),
                Message(role="user", text="Hello"),
                Message(role="assistant", text="Hi"),
                Message(role="tool", text="42"),
            ],
            "\n\nSystem:Be brief.\n\nHuman:Hello\n\nAssistant:Hi\n\nHuman:42\n\nAssistant:",
        )

    def test_an_answer_that_has_begun_is_not_opened_again(self) -> None:
        self.assert_counts_as(
            [Message(role="user", text="Hello"), Message(role="assistant", text="Hi, I")],
            "\n\nHuman:Hello\n\nAssistant:Hi, I",
        )

    def test_an_empty_conversation_costs_nothing(self) -> None:
        self.assert_counts_as([], "")


class PromptUpperBoundTests(SynchronousTestCase):
    @given(messages_of_any_kind)
    def test_no_conversation_costs_more(self, messages: list[Message]) -> None:
        for name in ENCODING_NAMES:
            self.assertLessEqual(
                count_prompt(load(name), messages), prompt_upper_bound(name, messages)
            )
