"""What a client is told of a body that is not what it should be."""

import json
from typing import Annotated

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta
from twisted.trial.unittest import SynchronousTestCase

from piecesd.dialects.json_body import (
    MAX_MENDED_BYTES,
    MAX_STRINGS,
    AnyArray,
    AnyObject,
    decode_body,
    object_text,
)
from piecesd.errors import (
    ApiError,
    InvalidRequest,
    InvalidValue,
    MalformedJson,
    MissingParameter,
    NotAnObject,
    WrongType,
)


class Item(msgspec.Struct):
    text: str


class Order(msgspec.Struct):
    items: list[Item]
    count: int | None = None
    weight: float | None = None


class Unread(msgspec.Struct):
    object: AnyObject | str | None = None
    array: AnyArray | None = None


class Bounded(msgspec.Struct):
    count: Annotated[int, Meta(ge=1, le=16)] | None = None
    share: Annotated[float, Meta(ge=0, le=1)] | None = None
    names: (
        Annotated[
            list[Annotated[str, Meta(min_length=1, max_length=3)]],
            Meta(min_length=1, max_length=2),
        ]
        | None
    ) = None


BOUNDED_DECODER = msgspec.json.Decoder(Bounded)
DECODER = msgspec.json.Decoder(Order)
TEXT_DECODER = msgspec.json.Decoder(str)


class DecodeBodyTests(SynchronousTestCase):
    def refusal(self, body: bytes, kind: type[ApiError]) -> ApiError:
        error = self.assertRaises(kind, decode_body, DECODER, body)
        assert isinstance(error, ApiError)
        self.assertEqual(error.status, 400)
        return error

    def test_a_body_that_fits_is_decoded(self) -> None:
        order = decode_body(DECODER, b'{"items":[{"text":"a"}],"unknown":{"x":1}}')
        self.assertEqual(order, Order([Item("a")]))

    def test_what_is_out_of_bounds_is_told_the_bound(self) -> None:
        for fields, path, message in (
            ('"count":0', "count", "it must be at least 1."),
            ('"count":17', "count", "it must be at most 16."),
            ('"share":-0.5', "share", "it must be at least 0."),
            ('"share":1.5', "share", "it must be at most 1."),
            ('"names":[]', "names", "it must be a list of at least 1."),
            ('"names":["a","b","c"]', "names", "it must be a list of at most 2."),
            ('"names":["a",""]', "names[1]", "it must be at least 1 characters long."),
            ('"names":["abcd"]', "names[0]", "it must be at most 3 characters long."),
        ):
            error = self.assertRaises(
                InvalidValue, decode_body, BOUNDED_DECODER, f"{{{fields}}}".encode()
            )
            self.assertEqual(error.param, path)
            self.assertEqual(error.message(), f"Invalid value for `{path}`: {message}")
            self.assertRegex(error.message("zh"), r"\d")

    def test_of_a_field_that_stands_twice_the_last_counts(self) -> None:
        order = decode_body(DECODER, b'{"items":[],"count":1,"count":2}')
        self.assertEqual(order.count, 2)

    def test_a_wrong_type_is_named_with_its_path(self) -> None:
        error = self.refusal(b'{"items":[{"text":"a"},{"text":4}]}', WrongType)
        self.assertEqual(error.param, "items[1].text")
        self.assertEqual(
            error.message(), "Invalid value at `items[1].text`: expected str, got int."
        )
        self.assertEqual(error.message("zh"), "`items[1].text` 的值无效：应为 str，实际为 int。")

    def test_a_missing_field_is_named_with_its_path(self) -> None:
        self.assertEqual(self.refusal(b"{}", MissingParameter).param, "items")
        self.assertEqual(self.refusal(b'{"items":[{}]}', MissingParameter).param, "items[0].text")

    def test_json_of_another_kind_is_no_request(self) -> None:
        for body, kind in {b"[]": "array", b"null": "null", b'"a"': "str", b"4": "int"}.items():
            error = self.refusal(body, NotAnObject)
            self.assertIn(f"of type {kind}.", error.message())

    def test_numbers_that_fit_no_machine_type_are_refused_by_name(self) -> None:
        self.assertEqual(self.refusal(b'{"items":[],"weight":1e999}', InvalidValue).param, "weight")
        huge = b'{"items":[],"count":' + b"9" * 10_000 + b"}"
        self.assertEqual(self.refusal(huge, InvalidValue).param, "count")

    def test_not_a_number_is_not_json(self) -> None:
        self.refusal(b'{"items":[],"weight":NaN}', MalformedJson)

    def test_bad_syntax_is_told_with_its_place(self) -> None:
        error = self.refusal(b'{"items":[],}', MalformedJson)
        self.assertIn("(byte 12)", error.message())
        self.assertIn("(byte 12)", error.message("zh"))

    def test_a_body_cut_short_is_told_with_its_length(self) -> None:
        error = self.refusal(b'{"items":[', MalformedJson)
        self.assertIn("ends too early, after 10 bytes", error.message())

    def test_a_body_that_is_not_utf8_is_refused(self) -> None:
        error = self.refusal(b'{"items":[{"text":"\xff"}]}', MalformedJson)
        self.assertIn("not UTF-8", error.message())

    def test_deep_nesting_is_refused(self) -> None:
        for body in (b'{"x":' + b"[" * 100_000, b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"):
            self.assertIn("too deeply", self.refusal(body, MalformedJson).message())

    def test_strings_are_bounded_in_number_however_they_are_written(self) -> None:
        for string in (b'""', b'"a"', rb'"\\"', rb'"\\\\"', rb'"\"\\"'):
            most = b'{"items":[],"x":[' + b",".join([string] * (MAX_STRINGS - 2)) + b"]}"
            decode_body(DECODER, most)
            error = self.refusal(most[:-2] + b"," + string + b"]}", MalformedJson)
            self.assertIn("more than 100000 strings", error.message())

    def test_quotation_marks_in_a_text_are_no_strings(self) -> None:
        body = b'"' + rb"\"" * MAX_STRINGS * 3 + b'"'
        self.assertEqual(len(decode_body(TEXT_DECODER, body)), MAX_STRINGS * 3)

    def test_in_a_very_large_body_it_is_an_error(self) -> None:
        body = b'"' + b"a" * MAX_MENDED_BYTES + rb'\ud83d"'
        self.assertRaises(MalformedJson, decode_body, msgspec.json.Decoder(str), body)

    def test_half_a_surrogate_pair_becomes_the_replacement_character(self) -> None:
        cases = {
            rb'"cut \ud83d"': "cut \ufffd",
            rb'"\ude00 rest"': "\ufffd rest",
            rb'"\ud83d\ud83d\ude00\ude00"': "\ufffd😀\ufffd",
            rb'"\\ud83d \ud83d\\"': "\\ud83d \ufffd\\",
        }
        for body, text in cases.items():
            self.assertEqual(decode_body(TEXT_DECODER, body), text)

    def test_bad_syntax_beside_half_a_pair_is_still_bad(self) -> None:
        self.refusal(rb'{"items":[{"text":"\ud83d"}],}', MalformedJson)

    @given(st.text(alphabet=st.sampled_from('a\\"\n\ud83d\ude00\udfff\u4e2d')))
    def test_any_text_survives_but_for_its_lone_surrogates(self, text: str) -> None:
        expected = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        self.assertEqual(decode_body(TEXT_DECODER, json.dumps(text).encode()), expected)

    @given(st.binary() | st.text(alphabet='{}[]":,0123eE\\u d"items').map(str.encode))
    def test_any_bytes_are_a_value_or_a_refusal(self, body: bytes) -> None:
        try:
            order = decode_body(DECODER, body)
        except InvalidRequest as error:
            self.assertTrue(error.message("en"))
            self.assertTrue(error.message("zh"))
        else:
            self.assertIsInstance(order, Order)


class UnreadTests(SynchronousTestCase):
    decoder = msgspec.json.Decoder(Unread)

    def test_what_nobody_reads_has_its_type_checked_all_the_same(self) -> None:
        for body in (b'{"object":[]}', b'{"object":1}', b'{"array":{}}', b'{"array":"[]"}'):
            error = self.assertRaises(WrongType, decode_body, self.decoder, body)
            self.assertIn(error.param, ("object", "array"))
        unread = decode_body(self.decoder, b'{"object":{"a":[1]},"array":null}')
        self.assertEqual((unread.object, unread.array), (AnyObject(), None))

    def test_an_array_is_true_unless_it_is_empty(self) -> None:
        for array, expected in ((b"[ ]", False), (b"[null]", True), (b"[{},1]", True)):
            self.assertIs(bool(decode_body(self.decoder, b'{"array":%b}' % array).array), expected)


class ObjectTextTests(SynchronousTestCase):
    def test_an_object_is_kept_as_it_was_written(self) -> None:
        self.assertEqual(object_text(msgspec.Raw(b' {"a" :1} '), "x"), '{"a" :1}')
        for nothing in (b"", b"null"):
            self.assertEqual(object_text(msgspec.Raw(nothing), "x"), "")

    def test_anything_else_is_refused(self) -> None:
        error = self.assertRaises(WrongType, object_text, msgspec.Raw(b"[]"), "x.y")
        self.assertEqual(error.param, "x.y")
        self.assertRaises(MalformedJson, object_text, msgspec.Raw(b'{"a":"\xff"}'), "x")
