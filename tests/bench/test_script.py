"""What the load client asks of the upstream."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bench.script import MARK, STAMP, NoScript, Script, lateness_us, stamp_digits

scripts = st.builds(
    Script,
    pieces=st.integers(0, 10**6),
    rate=st.integers(0, 10**6).map(lambda millionths: millionths / 1e3),
    piece_bytes=st.integers(0, 500),
)


class ScriptTests(SynchronousTestCase):
    @given(scripts)
    def test_a_script_survives_the_prompt_it_travels_in(self, script: Script) -> None:
        self.assertEqual(Script.parse(f"user:{script.prompt()};\r\n"), script)

    def test_the_last_script_of_a_conversation_counts(self) -> None:
        old, new = Script(pieces=1), Script(pieces=2)
        self.assertEqual(Script.parse(f"{old.prompt()};\r\nuser:{new.prompt()};"), new)

    def test_other_text_is_no_script(self) -> None:
        with self.assertRaises(NoScript):
            Script.parse("a bench with three pieces=3")

    @given(scripts)
    def test_a_piece_has_its_mark_once_and_at_least_its_length(self, script: Script) -> None:
        text = script.piece_text()
        self.assertEqual(text.count(MARK), 1)
        self.assertGreaterEqual(len(text), script.piece_bytes)
        self.assertEqual(len(STAMP.findall(text)), 1 if script.rate else 0)

    @given(st.integers(0, 10**15), st.integers(-400_000_000, 400_000_000))
    def test_lateness_is_told_by_the_digits_of_a_piece(self, due_us: int, late_us: int) -> None:
        self.assertEqual(lateness_us(stamp_digits(due_us), due_us + late_us), late_us)
