"""docs/parameters.md says what the code does: every row of it is tried."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from piecesd.dialects.fields import Refused, treatments
from piecesd.dialects.openai_chat.body import Body, MessageBody, StreamOptionsBody
from piecesd.dialects.openai_chat.request import ChatCall, parse
from piecesd.errors import InvalidRequest, UnsupportedParameter

DOCUMENT = Path(__file__).parents[3] / "docs" / "parameters.md"
MESSAGE = {"role": "user", "content": "Hello"}
SECTIONS: dict[str, type[msgspec.Struct]] = {
    "Request": Body,
    "Stream options": StreamOptionsBody,
    "Messages": MessageBody,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    section: str
    field: str
    treatment: str
    accepted: tuple[Any, ...]
    refused: tuple[Any, ...]

    @property
    def path(self) -> str:
        """The field as errors name it."""
        prefix = {"Request": "", "Stream options": "stream_options.", "Messages": "messages[0]."}
        return prefix[self.section] + self.field

    def bodies(self, example: Any) -> tuple[bytes, bytes]:
        """A request with the example, and the same without the field."""
        if self.section == "Messages":
            return self._with_message(example), self._with_message(without(example, self.field))
        if self.section == "Stream options":
            options = {"stream_options": {self.field: example}}
            return encode({"messages": [MESSAGE]} | options), encode({"messages": [MESSAGE]})
        body = {"messages": [MESSAGE], self.field: example}
        return encode(body), encode(without(body, self.field))

    def _with_message(self, message: Any) -> bytes:
        return encode({"messages": [message]})


def without(value: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name != field}


def encode(body: Any) -> bytes:
    return json.dumps(body).encode()


def read_rows() -> list[Row]:
    rows = []
    section = ""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| `"):
            field, treatment, accepted, refused, _ = (
                cell.strip() for cell in line.strip("|").split("|")
            )
            rows.append(
                Row(
                    section=section,
                    field=field.strip("`"),
                    treatment=treatment,
                    accepted=examples(accepted),
                    refused=examples(refused),
                )
            )
    return rows


def examples(cell: str) -> tuple[Any, ...]:
    return tuple(json.loads(code) for code in re.findall(r"`([^`]*)`", cell))


def call_or_error(body: bytes) -> ChatCall | str:
    try:
        return parse(body, ignore_unsupported=False)
    except InvalidRequest as error:
        return str(error)


class ParametersDocumentTests(SynchronousTestCase):
    rows = read_rows()

    def test_it_lists_the_fields_that_the_code_knows_and_treats_them_alike(self) -> None:
        for section, struct in SECTIONS.items():
            documented = {row.field: row.treatment for row in self.rows if row.section == section}
            known = {
                name: "refused" if isinstance(treatment, Refused) else treatment.value
                for name, treatment in treatments(struct).items()
            }
            self.assertEqual(documented, known)

    def test_each_row_has_the_examples_that_prove_it(self) -> None:
        for row in self.rows:
            proof = row.refused if row.treatment == "refused" else row.accepted
            self.assertTrue(proof, row)

    def test_honoured_fields_make_a_difference(self) -> None:
        for row in self.rows:
            for example in row.accepted if row.treatment == "honoured" else ():
                given, absent = row.bodies(example)
                call = parse(given, ignore_unsupported=False)
                self.assertNotEqual(call, call_or_error(absent), (row, example))

    def test_other_accepted_examples_make_none(self) -> None:
        for row in self.rows:
            for example in row.accepted if row.treatment != "honoured" else ():
                given, absent = row.bodies(example)
                call = parse(given, ignore_unsupported=False)
                self.assertEqual(call, parse(absent, ignore_unsupported=False), (row, example))

    def test_refused_examples_are_refused_and_the_field_is_named(self) -> None:
        for row in self.rows:
            for example in row.refused:
                given, _ = row.bodies(example)
                error = self.assertRaises(InvalidRequest, parse, given, ignore_unsupported=False)
                self.assertEqual(error.status, 400)
                self.assertTrue(error.param.startswith(row.path), (row, example, error.param))
                self.assertEqual(
                    isinstance(error, UnsupportedParameter), row.treatment == "refused", row
                )

    def test_refused_fields_have_no_effect_when_unsupported_ones_are_ignored(self) -> None:
        for row in self.rows:
            for example in row.refused if row.treatment == "refused" else ():
                given, absent = row.bodies(example)
                call = parse(given, ignore_unsupported=True)
                self.assertEqual(call, parse(absent, ignore_unsupported=True), (row, example))

    def test_null_is_the_same_as_leaving_a_field_out(self) -> None:
        for row in self.rows:
            if row.section == "Request" and row.field != "messages":
                given, absent = row.bodies(None)
                call = parse(given, ignore_unsupported=False)
                self.assertEqual(call, parse(absent, ignore_unsupported=False), row)
