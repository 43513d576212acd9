import json

from twisted.trial.unittest import SynchronousTestCase

from piecesd.emulation.schemas import MAX_SCHEMA_CHARACTERS, Schema, UnusableSchema

_CATASTROPHE = "(a+)+$"


class SchemaTests(SynchronousTestCase):
    def test_a_value_that_fits_has_no_fault(self) -> None:
        schema = Schema('{"type": "object", "required": ["a"]}')
        self.assertEqual(schema.fault('{"a": 1}'), "")

    def test_a_fault_tells_its_place(self) -> None:
        schema = Schema('{"properties": {"a": {"items": {"type": "integer"}}}}')
        self.assertIn("at $.a[1]: 'x' is not of type 'integer'", schema.fault('{"a": [1, "x"]}'))

    def test_what_is_no_json_has_a_fault(self) -> None:
        for text in ("", "{", "[" * 100_000):
            self.assertTrue(Schema("{}").fault(text))

    def test_what_is_no_schema_can_not_be_used(self) -> None:
        for text in ("{", '{"type": "no"}', '{"properties": 4}', '{"a": ' + "[" * 20_000):
            self.assertRaises(UnusableSchema, Schema, text)
        self.assertRaises(UnusableSchema, Schema, " " * MAX_SCHEMA_CHARACTERS + "{}")

    def test_regular_expressions_are_not_run(self) -> None:
        other = "https://json-schema.org/draft/2020-12/schema"
        for schema in (
            {"pattern": _CATASTROPHE},
            {"$schema": other, "pattern": _CATASTROPHE},
            {"allOf": [{"$schema": other, "pattern": _CATASTROPHE}]},
        ):
            self.assertEqual(Schema(json.dumps(schema)).fault(json.dumps("a" * 60 + "b")), "")
        self.assertRaises(UnusableSchema, Schema, '{"patternProperties": {"a": {}}}')

    def test_references_stay_in_the_schema(self) -> None:
        schema = Schema('{"$defs": {"n": {"type": "number"}}, "items": {"$ref": "#/$defs/n"}}')
        self.assertEqual(schema.fault("[1, 2]"), "")
        self.assertIn("is not of type", schema.fault('["x"]'))
        for outside in ("http://127.0.0.1:1/x", "file:///etc/passwd"):
            self.assertIn("refers to", Schema(json.dumps({"$ref": outside})).fault("1"))

    def test_a_check_without_an_end_is_ended(self) -> None:
        branches = {
            f"d{level}": {"allOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(40)
        }
        schema = {"$defs": branches | {"d40": {}}, "$ref": "#/$defs/d0"}
        self.assertIn("too long", Schema(json.dumps(schema)).fault("1"))
        self.assertIn("nested", Schema('{"$ref": "#"}').fault("1"))
