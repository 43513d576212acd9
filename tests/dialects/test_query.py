from twisted.trial.unittest import SynchronousTestCase

from piecesd.dialects.query import read_limit, read_query
from piecesd.errors import InvalidRequest


class QueryTests(SynchronousTestCase):
    def test_parameters_are_read_by_name(self) -> None:
        self.assertEqual(read_query(b""), {})
        self.assertEqual(read_query(b"a=1&b=%C3%A9+x&a=2&c="), {"a": "2", "b": "\u00e9 x", "c": ""})

    def test_any_bytes_are_a_query(self) -> None:
        self.assertEqual(read_query(b"a=\xff"), {"a": "\ufffd"})
        self.assertEqual(read_query(b"&".join([b"a=1"] * 5000)), {"a": "1"})

    def test_a_limit_is_a_number_within_bounds(self) -> None:
        self.assertEqual(read_limit({}, default=20, most=100), 20)
        self.assertEqual(read_limit({"limit": "100"}, default=20, most=100), 100)
        for text in ("0", "101", "-1", "many", "", "1" * 5000, "\u0663"):
            error = self.assertRaises(
                InvalidRequest, read_limit, {"limit": text}, default=20, most=100
            )
            self.assertEqual(error.param, "limit")
