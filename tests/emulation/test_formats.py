import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.chat import AnswerFormat, Message
from piecesd.emulation.formats import NotJson, read_json, told

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=3), values, max_size=3)


class ReadJsonTests(SynchronousTestCase):
    def read(self, reply: str) -> str:
        return read_json(reply, any_value=False)

    def test_a_reply_that_is_nothing_else_is_given_as_it_is(self) -> None:
        self.assertEqual(self.read('\n{ "a": 1 }\n'), '{ "a": 1 }')

    def test_it_is_taken_out_of_a_fence(self) -> None:
        for language in ("json", "", "JSON"):
            self.assertEqual(
                self.read(f'Here:\n```{language}\n{{"a": 1}}\n```\nBye {{}}.'), '{"a": 1}'
            )

    def test_it_is_found_between_words(self) -> None:
        self.assertEqual(self.read('Sure {smile}: {"a": [1]} Done.'), '{"a": [1]}')

    def test_an_object_is_wanted_where_there_is_no_schema(self) -> None:
        self.assertRaises(NotJson, self.read, "[1, 2]")
        self.assertRaises(NotJson, self.read, "4")
        self.assertEqual(read_json("[1, 2]", any_value=True), "[1, 2]")
        self.assertEqual(read_json(' "a" ', any_value=True), '"a"')

    def test_what_is_no_json_is_told(self) -> None:
        for reply in ("", "no", '{"a": 1', '{"a": NaN}', "{" * 100_000):
            self.assertRaises(NotJson, self.read, reply)

    @given(objects, st.text("ab .\n", max_size=10), st.text("ab .\n", max_size=10))
    def test_any_object_is_found_between_any_words(
        self, value: object, before: str, after: str
    ) -> None:
        text = json.dumps(value)
        for reply in (before + text + after, f"{before}\n```json\n{text}\n```\n{after}"):
            self.assertEqual(self.read(reply), text)

    @given(st.text())
    def test_any_text_gives_json_or_is_told_to_be_none(self, reply: str) -> None:
        with contextlib.suppress(NotJson):
            self.assertIsInstance(json.loads(self.read(reply)), dict)


class ToldTests(SynchronousTestCase):
    def test_the_model_is_told_behind_the_systems_own_words(self) -> None:
        messages = (Message(role="system", text="Be brief."), Message(role="user", text="Hi"))
        answer_format = AnswerFormat(schema='{"type": "object"}', name="pet", description="A pet.")
        system, instructions, user = told(messages, answer_format)
        self.assertEqual((system, user), messages)
        self.assertEqual(instructions.role, "system")
        for part in ('{"type": "object"}', "pet (A pet.)", "no code fence"):
            self.assertIn(part, instructions.text)

    def test_without_a_schema_an_object_is_asked_for(self) -> None:
        instructions, _ = told((Message(role="user", text="Hi"),), AnswerFormat())
        self.assertIn("one JSON object and nothing else", instructions.text)
        self.assertNotIn("schema", instructions.text)
