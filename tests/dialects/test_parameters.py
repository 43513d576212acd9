"""docs/parameters.md says what the code does: every row of it is tried."""

import json

from twisted.trial.unittest import SynchronousTestCase

from piecesd.dialects.fields import Refused, treatments
from piecesd.errors import InvalidRequest, UnsupportedParameter
from tests.dialects.parameters import DOCUMENTED, Row, read_rows

_EFFECTIVE = ("passed on", "honoured")


def parse(row: Row, body: bytes) -> object:
    return row.of.dialect.parse(body, ignore_unsupported=False)


def call_or_error(row: Row, body: bytes) -> object:
    try:
        return parse(row, body)
    except InvalidRequest as error:
        return str(error)


class ParametersDocumentTests(SynchronousTestCase):
    rows = read_rows()

    def test_it_lists_the_fields_that_the_code_knows_and_treats_them_alike(self) -> None:
        for of in DOCUMENTED:
            for section, table in of.tables.items():
                documented = {
                    row.field: row.treatment
                    for row in self.rows
                    if row.of is of and row.section == section
                }
                known = {
                    name: "refused" if isinstance(treatment, Refused) else treatment.value
                    for name, treatment in treatments(table.struct).items()
                }
                self.assertEqual(documented, known, (of.title, section))

    def test_each_row_has_the_examples_that_prove_it(self) -> None:
        for row in self.rows:
            proof = row.refused if row.treatment == "refused" else row.accepted
            self.assertTrue(proof, row)

    def test_fields_with_an_effect_make_a_difference(self) -> None:
        for row in self.rows:
            for example in row.accepted if row.treatment in _EFFECTIVE else ():
                call = parse(row, row.with_example(example))
                absent = call_or_error(row, row.without_field(example))
                self.assertNotEqual(call, absent, (row, example))

    def test_other_accepted_examples_make_none(self) -> None:
        for row in self.rows:
            for example in row.accepted if row.treatment not in _EFFECTIVE else ():
                call = parse(row, row.with_example(example))
                absent = parse(row, row.without_field(example))
                self.assertEqual(call, absent, (row, example))

    def test_refused_examples_are_refused_and_the_field_is_named(self) -> None:
        for row in self.rows:
            for example in row.refused:
                error = self.assertRaises(InvalidRequest, parse, row, row.with_example(example))
                self.assertEqual(error.status, 400)
                assert error.param is not None
                self.assertTrue(error.param.startswith(row.path), (row, example, error.param))
                self.assertEqual(
                    isinstance(error, UnsupportedParameter), row.treatment == "refused", row
                )

    def test_unknown_fields_are_accepted(self) -> None:
        for of in DOCUMENTED:
            body = dict(of.required)
            plain = of.dialect.parse(json.dumps(body).encode(), ignore_unsupported=False)
            body["a_field_of_the_future"] = {"deep": [1, None]}
            self.assertEqual(
                of.dialect.parse(json.dumps(body).encode(), ignore_unsupported=False), plain
            )
