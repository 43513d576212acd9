"""Calls in a reply, however it is cut into pieces."""

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from piecesd.emulation.calls import Call, CallReader, Part
from piecesd.emulation.tools import CLOSING, OPENING, block

NAMES = ("add", "pay")
ADD = block("add", '{"a": 1}')


class Read:
    """A reply as it was read: neighbouring texts are one, for they depend on the pieces."""

    def __init__(self, *pieces: str, most_calls: float = float("inf")) -> None:
        reader = CallReader(NAMES, most_calls=most_calls)
        parts: list[Part] = []
        for piece in pieces:
            parts += reader.feed(piece)
        parts += reader.finish()
        self.parts: list[Part] = []
        for part in parts:
            if self.parts and isinstance(part, str) and isinstance(self.parts[-1], str):
                self.parts[-1] += part
            else:
                self.parts.append(part)
        self.fault, self.rest = reader.fault, reader.rest

    @property
    def outcome(self) -> tuple[list[Part], str, str]:
        return self.parts, self.fault, self.rest


class CallReaderTests(SynchronousTestCase):
    def test_a_reply_without_a_call_is_text(self) -> None:
        for text in ("", "Hello.", "1 < 2, <tool, <tool_cal", " spaced \n", "a\n\n"):
            self.assertEqual(Read(text).outcome, ([text] if text else [], "", ""))

    def test_text_comes_out_as_it_arrives_but_for_what_may_begin_a_block(self) -> None:
        reader = CallReader(NAMES)
        self.assertEqual(reader.feed("Let me"), ["Let me"])
        self.assertEqual(reader.feed(" see.\n\n<tool"), [" see."])
        self.assertEqual(reader.feed("box>"), ["\n\n<toolbox>"])

    def test_a_call_comes_out_once_it_is_whole(self) -> None:
        reader = CallReader(NAMES)
        self.assertEqual(reader.feed('<tool_call name="add">\n{"a": 1}\n</tool_call'), [])
        self.assertEqual(reader.feed(">"), [Call("add", '{"a": 1}')])
        self.assertEqual(reader.finish(), [])

    def test_text_before_calls_is_told_from_them(self) -> None:
        self.assertEqual(
            Read(f"Let me see.\n\n{ADD}\n{block('pay', '')}\n").outcome,
            (["Let me see.", Call("add", '{"a": 1}'), Call("pay", "{}")], "", ""),
        )

    def test_what_follows_the_last_call_is_not_for_the_client(self) -> None:
        read = Read(f"{ADD}\n```\nThe result is 3. {ADD}")
        self.assertEqual(read.outcome, ([Call("add", '{"a": 1}')], "", ""))

    def test_calls_over_the_bound_are_not_read(self) -> None:
        self.assertEqual(Read(ADD + ADD, most_calls=1).parts, [Call("add", '{"a": 1}')])

    def test_the_end_of_a_block_may_stand_in_its_arguments(self) -> None:
        arguments = json.dumps({"a": f"x {CLOSING} y"})
        self.assertEqual(Read(block("add", arguments)).parts, [Call("add", arguments)])

    def test_a_name_inside_the_object_is_read_too(self) -> None:
        for key in ("arguments", "parameters"):
            text = json.dumps({"name": "add", key: {"a": "ü"}})
            read = Read(f"{OPENING}>{text}{CLOSING}")
            self.assertEqual(read.parts, [Call("add", '{"a": "ü"}')])

    def test_what_can_not_be_read_is_a_fault_and_none_of_it_is_lost(self) -> None:
        for bad in (
            f"{OPENING}",
            f'{OPENING} name="add">{{"a": 1}}',
            f'{OPENING} name="add">[1]{CLOSING}',
            f'{OPENING} name="add">{{"a": }}{CLOSING} and more',
            f'{OPENING} name="other">{{}}{CLOSING}',
            f"{OPENING} title='add'>{{}}{CLOSING}",
            f"{OPENING}>{{}}{CLOSING}",
            f"{OPENING}{'x' * 300}",
            f'{OPENING} name="add">"{CLOSING * 200}',
        ):
            read = Read("Well. ", bad)
            self.assertEqual((read.parts, read.rest), (["Well."], bad), bad)
            self.assertTrue(read.fault)

    def test_a_fault_behind_a_call_leaves_the_call(self) -> None:
        bad = f"{OPENING} nothing{CLOSING}"
        read = Read(ADD + bad)
        self.assertEqual((read.parts, read.rest), ([Call("add", '{"a": 1}')], bad))

    @given(
        st.lists(
            st.one_of(
                st.sampled_from(
                    [
                        ADD,
                        OPENING,
                        CLOSING,
                        "<",
                        "tool_call",
                        '"',
                        "{",
                        "}",
                        "\n",
                        " ",
                        'name="add">',
                    ]
                ),
                st.text(max_size=5),
            ),
            max_size=12,
        ).map("".join),
        st.data(),
    )
    def test_any_text_gives_the_same_however_it_is_cut(
        self, text: str, data: st.DataObject
    ) -> None:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
        edges = [0, *cuts, len(text)]
        pieces = [text[start:end] for start, end in pairwise(edges)]
        self.assertEqual(Read(*pieces).outcome, Read(text).outcome)
        self.assertEqual(Read(*text).outcome, Read(text).outcome)
